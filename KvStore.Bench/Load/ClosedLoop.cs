using System.Collections.Concurrent;
using System.Diagnostics;
using KvStore.Core.Primitives;

namespace KvStore.Bench.Load;

/// <summary>
/// The load generator: N asynchronous closed loops, each sending its next operation when the one
/// before was answered. Completions run inline where the target allows it, so that a loop costs
/// no thread and no queue of its own.
/// </summary>
internal sealed class ClosedLoop
{
    /// <summary>How long an operation in flight at the end of a run may take to be answered before the run fails.</summary>
    private static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(30);

    private readonly ILoadTarget _target;
    private readonly KeySpace _keys;
    private readonly LoadOperation _operation;
    private readonly LatencyHistogram _latencies = new();
    private readonly ConcurrentDictionary<string, long> _errors = new();
    private long _recordFrom;
    private long _stopAt;
    private long _succeeded;
    private int _nextKey;

    private ClosedLoop(ILoadTarget target, KeySpace keys, LoadOperation operation)
    {
        _target = target;
        _keys = keys;
        _operation = operation;
    }

    /// <summary>
    /// Runs <paramref name="clients"/> loops on uniformly random keys for the warm-up and then the
    /// measured time. An operation counts if it was acknowledged inside the measured time.
    /// Throws <see cref="TimeoutException"/> if the target stops answering.
    /// </summary>
    /// <param name="serverCpuSeconds">Reads the CPU time that the servers have used so far.</param>
    public static async Task<LoadResult> MeasureAsync(
        ILoadTarget target, KeySpace keys, LoadOperation operation, int clients, LoadTiming timing, Func<double> serverCpuSeconds)
    {
        (TimeSpan warmUp, TimeSpan duration) = timing;
        var loop = new ClosedLoop(target, keys, operation);
        loop._recordFrom = Stopwatch.GetTimestamp() + Ticks(warmUp);
        loop._stopAt = loop._recordFrom + Ticks(duration);
        var running = Enumerable.Range(0, clients).Select(client => Task.Run(() => loop.RunAsync(client))).ToArray();

        await Task.Delay(warmUp);
        long begin = Stopwatch.GetTimestamp();
        double generatorBefore = Environment.CpuUsage.TotalTime.TotalSeconds;
        double serversBefore = serverCpuSeconds();
        await Task.Delay(duration);
        double generator = Environment.CpuUsage.TotalTime.TotalSeconds - generatorBefore;
        double servers = serverCpuSeconds() - serversBefore;
        double seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        await Task.WhenAll(running).WaitAsync(AnswerPatience);
        return loop.Result(duration, generator / seconds, servers / seconds);
    }

    /// <summary>
    /// Writes every key once with <paramref name="clients"/> loops; throws
    /// <see cref="LoadFailedException"/> if a single write fails, because later figures would lie.
    /// </summary>
    public static async Task FillAsync(ILoadTarget target, KeySpace keys, LoadOperation operation, int clients, CancellationToken cancellation)
    {
        var loop = new ClosedLoop(target, keys, operation);
        await Task.WhenAll(Enumerable.Range(0, clients).Select(client => Task.Run(() => loop.FillLoopAsync(client, cancellation), cancellation)));
    }

    private static long Ticks(TimeSpan time) => (long)(time.TotalSeconds * Stopwatch.Frequency);

    private async Task RunAsync(int client)
    {
        var random = new Prng(KeySpace.Seed + (ulong)client);
        long now = Stopwatch.GetTimestamp();
        while (now < _stopAt)
        {
            ReadOnlyMemory<byte> key = _keys.Key(random.Next(_keys.Count));
            long started = now;
            try
            {
                await _target.RunOnceAsync(client, _operation, key, _keys.Value);
                now = Stopwatch.GetTimestamp();
                Record(started, now);
            }
            catch (LoadFailedException failure)
            {
                now = Stopwatch.GetTimestamp();
                _errors.AddOrUpdate(failure.Message, 1, static (_, count) => count + 1);
            }
        }
    }

    private void Record(long started, long now)
    {
        if (now < _recordFrom || now > _stopAt)
            return;
        Interlocked.Increment(ref _succeeded);
        _latencies.Record((long)Stopwatch.GetElapsedTime(started, now).TotalNanoseconds);
    }

    private async Task FillLoopAsync(int client, CancellationToken cancellation)
    {
        for (int key; (key = Interlocked.Increment(ref _nextKey) - 1) < _keys.Count;)
        {
            cancellation.ThrowIfCancellationRequested();
            await _target.RunOnceAsync(client, _operation, _keys.Key(key), _keys.Value);
        }
    }

    private LoadResult Result(TimeSpan duration, double generatorCores, double serverCores) => new(
        _succeeded,
        duration.TotalSeconds,
        _latencies.Quantile(0.50) / 1000,
        _latencies.Quantile(0.99) / 1000,
        generatorCores,
        serverCores,
        new Dictionary<string, long>(_errors));
}

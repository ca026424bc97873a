using System.Collections.Concurrent;
using System.Diagnostics;
using KvStore.Protocol.Client;
using KvStore.Protocol.Messages;

namespace KvStore.Daemon.Ctl.Load;

/// <summary>
/// A closed loop of so many requests at a time: each loop sends its next one when its last one is answered. Keys and the one value
/// exist before the first request, so that the machine's time goes into the store and not into its measurement.
/// </summary>
internal sealed class LoadRun(KvClient client, LoadPlan plan, CancellationToken interrupted)
{
    private const int FillAtOnce = 64;

    /// <summary>A loop whose request failed waits so long: a refusal takes no time, and a spinning client would measure itself.</summary>
    private static readonly TimeSpan s_pauseAfterError = TimeSpan.FromMilliseconds(10);

    private readonly KeySpace _keys = new(plan.Keys);
    private readonly byte[] _value = MakeValue(plan.ValueSize);
    private readonly KeyChooser _chooser = new(plan.Keys, plan.Zipf);
    private readonly LatencyHistogram _latencies = new();
    private readonly ConcurrentDictionary<string, long> _errors = new(StringComparer.Ordinal);
    private long _begun;
    private long _done;
    private long _end;

    /// <summary>Operations answered so far, those of filling included.</summary>
    public long Done => Volatile.Read(ref _done);

    /// <summary>Stores every key once, by fast writes.</summary>
    /// <exception cref="KvException">A write was refused.</exception>
    public async Task FillAsync()
    {
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, Math.Min(FillAtOnce, plan.Keys)).Select(_ => LoopAsync()));

        async Task LoopAsync()
        {
            for (var key = Interlocked.Increment(ref next); key < plan.Keys; key = Interlocked.Increment(ref next))
            {
                await client.PutAsync(_keys[key], _value, new WriteOptions(WriteMode.Fast), interrupted);
                Interlocked.Increment(ref _done);
            }
        }
    }

    /// <summary>Runs the load to its end, or until interrupted.</summary>
    public async Task<BenchResult> MeasureAsync()
    {
        _done = 0;
        var cpu = Environment.CpuUsage.TotalTime;
        var start = Stopwatch.GetTimestamp();
        _end = plan.Duration == TimeSpan.MaxValue ? long.MaxValue : start + (long)(plan.Duration.TotalSeconds * Stopwatch.Frequency);
        await Task.WhenAll(Enumerable.Range(0, plan.Loops).Select(loop => LoopAsync((ulong)loop)));
        var elapsed = Stopwatch.GetElapsedTime(start);
        var share = (Environment.CpuUsage.TotalTime - cpu) / (elapsed * Environment.ProcessorCount);
        return new BenchResult(_latencies.Count, elapsed, _latencies, _errors, share);
    }

    private async Task LoopAsync(ulong seed)
    {
        var random = new LoadRandom(seed);
        var start = Stopwatch.GetTimestamp();
        while (start < _end && !interrupted.IsCancellationRequested && Interlocked.Increment(ref _begun) <= plan.Ops)
        {
            try
            {
                var key = _keys[_chooser.Next(ref random)];
                if (plan.Mix.NextIsGet(ref random)) Judge(await client.GetAsync(key, plan.Read));
                else await client.PutAsync(key, _value, plan.Write);
                var now = Stopwatch.GetTimestamp();
                _latencies.Record(Nanoseconds(now - start));
                Interlocked.Increment(ref _done);
                start = now;
            }
            catch (KvException e)
            {
                _errors.AddOrUpdate(e.Code.Name(), 1, (_, count) => count + 1);
                await Task.Delay(s_pauseAfterError, CancellationToken.None);
                start = Stopwatch.GetTimestamp();
            }
        }
    }

    private static void Judge(in ReadResult result)
    {
        if (result.Error != KvError.None) throw new KvException(result.Error, result.ErrorMessage);
    }

    private static long Nanoseconds(long ticks) => (long)(ticks * (1e9 / Stopwatch.Frequency));

    // Letters that do not compress to nothing.
    private static byte[] MakeValue(int size)
    {
        var value = new byte[size];
        var random = new LoadRandom(1);
        for (var i = 0; i < size; i++) value[i] = (byte)('a' + random.Next(26));
        return value;
    }
}

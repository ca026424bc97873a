using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using KvStore.Protocol.Client;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Processes;

/// <summary>16 well-behaved clients, each with one request under way: half strong puts, a quarter each quorum and local gets.</summary>
internal sealed class SteadyLoad : IAsyncDisposable
{
    private const int Clients = 16;
    private const int Keys = 1000;

    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<string> _errors = new();
    private readonly KvClient _client;
    private readonly Task[] _loops;
    private volatile ConcurrentQueue<long> _latencies = new();
    private long _done;

    private SteadyLoad(KvClient client)
    {
        _client = client;
        _loops = [.. Enumerable.Range(0, Clients).Select(i => Task.Run(() => LoopAsync(i)))];
    }

    /// <summary>Operations that succeeded.</summary>
    public long Done => Volatile.Read(ref _done);

    public static async Task<SteadyLoad> StartAsync(KvdCluster cluster) =>
        new(await KvClient.ConnectAsync(new KvClientOptions { Endpoints = [.. cluster.Nodes.Select(n => n.Endpoint)], Timeout = TimeSpan.FromSeconds(10) }));

    /// <summary>Waits until so many more operations are done: the load makes progress whatever others do.</summary>
    public void Advance(int operations)
    {
        var goal = Done + operations;
        Eventually.Holds(() => Done >= goal || !_errors.IsEmpty, TimeSpan.FromSeconds(60));
        ShouldHaveNoErrors();
    }

    public void ShouldHaveNoErrors() => _errors.ShouldBeEmpty();

    /// <summary>The latencies from now until <paramref name="window"/> has passed.</summary>
    public async Task<LatencyFigures> MeasureAsync(TimeSpan window)
    {
        using var end = new PeriodicTimer(window);
        _latencies = new ConcurrentQueue<long>();
        await end.WaitForNextTickAsync();
        return LatencyFigures.Of([.. _latencies]);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_loops);
        await _client.DisposeAsync();
        _stop.Dispose();
    }

    private async Task LoopAsync(int loop)
    {
        var random = new Random(loop);
        var value = new byte[256];
        while (!_stop.IsCancellationRequested)
        {
            var key = Encoding.UTF8.GetBytes($"load{random.Next(Keys)}");
            var started = Stopwatch.GetTimestamp();
            try
            {
                switch (random.Next(4))
                {
                    case 0: await _client.GetAsync(key, ReadOptions.Quorum, CancellationToken.None); break;
                    case 1: await _client.GetAsync(key, cancellation: CancellationToken.None); break;
                    default: await _client.PutAsync(key, value, WriteOptions.Strong, CancellationToken.None); break;
                }

                _latencies.Enqueue(Stopwatch.GetTimestamp() - started);
                Interlocked.Increment(ref _done);
            }
            catch (KvException e)
            {
                _errors.Enqueue($"{e.Code}: {e.Message}");
            }
        }
    }
}

/// <param name="P99Ms">Milliseconds below which 99 of 100 operations stayed.</param>
internal readonly record struct LatencyFigures(int Count, double P50Ms, double P99Ms, double MaxMs)
{
    public static LatencyFigures Of(long[] ticks)
    {
        if (ticks.Length == 0) throw new AssertionException("the load did nothing");
        Array.Sort(ticks);
        return new LatencyFigures(ticks.Length, At(ticks, 0.5), At(ticks, 0.99), At(ticks, 1));
    }

    public override string ToString() => $"{Count} operations, p50 {P50Ms:0.00} ms, p99 {P99Ms:0.00} ms, longest {MaxMs:0.0} ms";

    private static double At(long[] sorted, double quantile) =>
        sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * quantile))] * 1000.0 / Stopwatch.Frequency;
}

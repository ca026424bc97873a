using System.Diagnostics;
using KvStore.Bench.Load;
using KvStore.Core.Primitives;

namespace KvStore.Bench.Engine;

/// <summary>What one workload did.</summary>
internal sealed record EngineResult(double OperationsPerSecond, LatencyHistogram Latencies, double AllocatedBytesPerOperation);

/// <summary>Runs an operation on a store from a number of threads for a number of times.</summary>
internal static class EngineLoad
{
    private const double NsPerTick = 1e9;

    /// <param name="operation">Thread, its random numbers, running number of the operation in the thread.</param>
    public static EngineResult Run(int threads, long operations, Action<int, Prng, long> operation)
    {
        var latencies = new LatencyHistogram();
        var allocated = 0L;
        var start = new Barrier(threads + 1);
        var workers = Enumerable.Range(0, threads).Select(thread => new Thread(() =>
        {
            var random = new Prng((ulong)thread + 1);
            start.SignalAndWait();
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (long i = 0; i < operations / threads; i++)
            {
                var began = Stopwatch.GetTimestamp();
                operation(thread, random, i);
                latencies.Record((long)((Stopwatch.GetTimestamp() - began) * (NsPerTick / Stopwatch.Frequency)));
            }

            Interlocked.Add(ref allocated, GC.GetAllocatedBytesForCurrentThread() - before);
        })).ToList();
        foreach (var worker in workers) worker.Start();
        start.SignalAndWait();
        var watch = Stopwatch.StartNew();
        foreach (var worker in workers) worker.Join();
        return new EngineResult(operations / watch.Elapsed.TotalSeconds, latencies, (double)allocated / operations);
    }
}

using System.Diagnostics;
using KvStore.Bench.Processes;
using KvStore.Bench.Reports;

namespace KvStore.Bench.Engine;

/// <summary>The workloads of docs on performance, on each store in turn, in the order kvd, rocksdb, rocksdb, kvd ... over the rounds.</summary>
internal sealed class EngineBenchmark(string dataParent, long records, int valueBytes, int rounds, long syncedWrites, TextWriter progress)
{
    private const long MemTableBytes = 64L << 20;
    private const long CacheBytes = 128L << 20;
    private const int ManyThreads = 16;

    private readonly BenchKeys _keys = new(valueBytes);
    private readonly Dictionary<string, Dictionary<string, List<double>>> _figures = [];

    public IReadOnlyList<ReportRow> Run()
    {
        for (var round = 0; round < rounds; round++)
        {
            RunOne(round % 2 == 0 ? "kvd" : "rocksdb");
            RunOne(round % 2 == 0 ? "rocksdb" : "kvd");
        }

        return
        [
            Row("synced put, 1 thread", "ops/s", null),
            Row("synced put, 16 threads", "ops/s", Goal.AtLeast(1.2)),
            Row("fill, 1 thread", "ops/s", Goal.AtLeast(0.8)),
            Row("fill, 16 threads", "ops/s", Goal.AtLeast(0.8)),
            Row("overwrite, 1 thread", "ops/s", null),
            Row("read random, 1 thread", "ops/s", Goal.AtLeast(0.8)),
            Row("read random, 16 threads", "ops/s", Goal.AtLeast(0.8)),
            Row("read hot, 1 thread", "ops/s", null),
            Row("read missing, 1 thread", "ops/s", null),
            Row("scan", "records/s", null),
            Row("mixed 95/5, 16 threads", "ops/s", null),
            Row("read p99.9 under overwrites", "us", Goal.AtMost(2)),
            Row("reopen", "ms", null),
            Row("write amplification", "x", null),
            Row("space amplification", "x", null),
            Row("allocated per get", "B", null),
            Row("allocated per put", "B", null),
        ];
    }

    private void RunOne(string name)
    {
        using var directory = new DataDirectory(dataParent, name);
        using IStore store = name == "kvd"
            ? new KvdStore(directory.Path, MemTableBytes, CacheBytes)
            : new RocksStore(directory.Path, MemTableBytes, CacheBytes);
        Measure(store, "synced put, 1 thread", 1, syncedWrites / 8, (t, r, i) => PutOwn(store, t, 1, r.Next((int)records), true));
        Measure(store, "synced put, 16 threads", ManyThreads, syncedWrites, (t, r, i) => PutOwn(store, t, ManyThreads, r.Next((int)records), true));
        Measure(store, "fill, 1 thread", 1, records, (t, r, i) => store.Put(t, i, _keys.Value(i), false));
        var overwrite = Measure(store, "overwrite, 1 thread", 1, records / 2, (t, r, i) => PutOwn(store, t, 1, r.Next((int)records), false));
        Note("allocated per put", name, overwrite.AllocatedBytesPerOperation);
        Measure(store, "fill, 16 threads", ManyThreads, records, (t, r, i) => PutOwn(store, t, ManyThreads, i * ManyThreads, false));
        store.Settle();
        var payload = (double)records * (BenchKeys.KeyBytes + valueBytes);
        Note("write amplification", name, store.WrittenBytes / (payload * 2.5));
        Note("space amplification", name, TableBytes(directory.Path) / payload);
        Reads(store);
        Measure(store, "mixed 95/5, 16 threads", ManyThreads, records, (t, r, i) =>
        {
            if (r.Chance(1, 20)) PutOwn(store, t, ManyThreads, r.Next((int)records), false);
            else Expect(store.Get(t, r.Next((int)records)), true);
        });
        UnderOverwrites(store);
        store.Settle();
        var watch = Stopwatch.StartNew();
        store.Reopen();
        Note("reopen", name, watch.Elapsed.TotalMilliseconds);
    }

    private void Reads(IStore store)
    {
        var reads = Measure(store, "read random, 1 thread", 1, records / 2, (t, r, i) => Expect(store.Get(t, r.Next((int)records)), true));
        Note("allocated per get", store.Name, reads.AllocatedBytesPerOperation);
        Measure(store, "read random, 16 threads", ManyThreads, records / 2, (t, r, i) => Expect(store.Get(t, r.Next((int)records)), true));
        Measure(store, "read hot, 1 thread", 1, records, (t, r, i) => Expect(store.Get(t, r.Next(1000)), true));
        Measure(store, "read missing, 1 thread", 1, records, (t, r, i) => Expect(store.Get(t, records + r.Next((int)records)), false));
        var watch = Stopwatch.StartNew();
        var count = store.ScanAll();
        if (count != records) throw new InvalidOperationException($"{store.Name}: a scan found {count} of {records} records");
        Note("scan", store.Name, count / watch.Elapsed.TotalSeconds);
    }

    /// <summary>One reader beside one writer that keeps compaction busy.</summary>
    private void UnderOverwrites(IStore store)
    {
        using var stop = new CancellationTokenSource();
        var writer = new Thread(() =>
        {
            var random = new Core.Primitives.Prng(77);
            while (!stop.IsCancellationRequested) PutOwn(store, 0, 1, random.Next((int)records), false);
        });
        writer.Start();
        var reads = EngineLoad.Run(1, records / 5, (t, r, i) => Expect(store.Get(1, r.Next((int)records)), true));
        stop.Cancel();
        writer.Join();
        Note("read p99.9 under overwrites", store.Name, reads.Latencies.Quantile(0.999) / 1000);
    }

    private EngineResult Measure(IStore store, string workload, int threads, long operations, Action<int, Core.Primitives.Prng, long> operation)
    {
        var result = EngineLoad.Run(threads, operations, operation);
        progress.WriteLine($"{store.Name,-8} {workload,-28} {result.OperationsPerSecond,12:N0} ops/s  p50 {result.Latencies.Quantile(0.5) / 1000:N1} us  p99 {result.Latencies.Quantile(0.99) / 1000:N1} us  p99.9 {result.Latencies.Quantile(0.999) / 1000:N0} us  max {result.Latencies.Quantile(1) / 1000:N0} us");
        Note(workload, store.Name, result.OperationsPerSecond);
        return result;
    }

    /// <summary>A thread writes only keys that are its number modulo the number of threads.</summary>
    private void PutOwn(IStore store, int thread, int threads, long key, bool sync)
    {
        key = (key / threads * threads) + thread;
        if (key >= records) key = thread;
        store.Put(thread, key, _keys.Value(key), sync);
    }

    private void Expect(int length, bool found)
    {
        if (length != (found ? valueBytes : -1)) throw new InvalidOperationException($"a get found {length} bytes");
    }

    private void Note(string workload, string store, double figure)
    {
        if (!_figures.TryGetValue(workload, out var byStore)) _figures[workload] = byStore = [];
        if (!byStore.TryGetValue(store, out var figures)) byStore[store] = figures = [];
        figures.Add(figure);
    }

    private ReportRow Row(string workload, string unit, Goal? goal) =>
        new($"engine: {workload}", Statistics.Median(_figures[workload]["kvd"]), Statistics.Median(_figures[workload]["rocksdb"]), null, unit, goal);

    private static long TableBytes(string directory) =>
        new DirectoryInfo(directory).EnumerateFiles("*.sst", SearchOption.AllDirectories).Sum(file => file.Length);
}

using System.Diagnostics;
using KvStore.Bench.Load;
using KvStore.Bench.Processes;
using KvStore.Bench.Reports;
using KvStore.Core.Primitives;

namespace KvStore.Bench.Engine;

/// <summary>Many gibibytes of overwrites on one thread, each with a log record: how long a put may take, how much space and memory the data take, how fast it opens again.</summary>
internal sealed class EnduranceRun(string dataParent, double gibibytes, int valueBytes, double zipf, TextWriter progress)
{
    private const long MemTableBytes = 64L << 20;
    private const long CacheBytes = 128L << 20;

    // The budget of memory besides memtables (active and frozen) and cache.
    private const long OtherBytes = 150L << 20;

    public IReadOnlyList<ReportRow> Run()
    {
        var writes = (long)(gibibytes * (1L << 30) / (valueBytes + BenchKeys.KeyBytes));
        var records = writes / 4;
        var keys = new BenchKeys(valueBytes);
        var draw = zipf > 0 ? new ZipfKeys(records, zipf) : null;
        using var directory = new DataDirectory(dataParent, "endurance");
        using var store = new KvdStore(directory.Path, MemTableBytes, CacheBytes);
        var seen = new bool[records];
        var peakRss = 0L;
        var watch = Stopwatch.StartNew();
        var result = EngineLoad.Run(1, writes, (thread, random, i) =>
        {
            var key = draw?.Next(random) ?? (long)(random.NextUInt64() % (ulong)records);
            seen[key] = true;
            store.Put(thread, key, keys.Value(key), false);
            if (i % 200_000 != 0) return;
            peakRss = Math.Max(peakRss, ResidentBytes());
            progress.WriteLine($"{watch.Elapsed.TotalSeconds,6:N0} s  {i,12:N0} puts  rss {peakRss >> 20} MB  {store.Describe()}");
        });
        store.Settle();
        peakRss = Math.Max(peakRss, ResidentBytes()) - records;
        var live = seen.LongCount(written => written) * (double)(valueBytes + BenchKeys.KeyBytes);
        var tables = new DirectoryInfo(directory.Path).EnumerateFiles("*.sst", SearchOption.AllDirectories).Sum(file => file.Length);
        watch.Restart();
        store.Reopen();
        var reopened = watch.Elapsed.TotalMilliseconds;
        var name = FormattableString.Invariant($"{gibibytes:0.#} GiB of {valueBytes} B{(zipf > 0 ? $", Zipf {zipf}" : "")}");
        return
        [
            new ReportRow($"{name}: put", result.OperationsPerSecond, null, null, "ops/s", null),
            new ReportRow($"{name}: put p99.9", result.Latencies.Quantile(0.999) / 1e6, null, null, "ms", Goal.AtMost(50)),
            new ReportRow($"{name}: put max", result.Latencies.Quantile(1) / 1e6, null, null, "ms", Goal.AtMost(200)),
            new ReportRow($"{name}: space", tables / live, null, null, "x", Goal.AtMost(1.3)),
            new ReportRow($"{name}: resident memory", peakRss, null, (2 * MemTableBytes) + CacheBytes + OtherBytes, "B", Goal.AtMost(1)),
            new ReportRow($"{name}: reopen", reopened, null, null, "ms", Goal.AtMost(3000)),
        ];
    }

    private static long ResidentBytes()
    {
        using var self = Process.GetCurrentProcess();
        return self.WorkingSet64;
    }
}

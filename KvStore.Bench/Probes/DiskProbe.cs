using System.Diagnostics;
using KvStore.Bench.Load;
using KvStore.Core.Io;

namespace KvStore.Bench.Probes;

/// <summary>
/// The cheapest durable append there is: 4 KiB over a part of the file that was written before,
/// so that fdatasync has no metadata to write.
/// </summary>
internal static class DiskProbe
{
    private const int BlockBytes = 4096;
    private const int FileBytes = 16 << 20;

    /// <summary>Median time of one write and sync, in microseconds. Throws <see cref="DiskException"/>.</summary>
    public static double MedianSyncUs(string directory, TimeSpan duration)
    {
        var files = new OsFileSystem();
        string path = Path.Combine(directory, $"kvd-bench-probe-{Guid.NewGuid():N}");
        using IFile file = files.Open(path, FileOpenMode.CreateNew);
        try
        {
            file.Write(0, new byte[FileBytes]);
            file.DataSync();
            return Measure(file, duration).Quantile(0.5) / 1000;
        }
        finally
        {
            files.Delete(path);
        }
    }

    private static LatencyHistogram Measure(IFile file, TimeSpan duration)
    {
        var latencies = new LatencyHistogram();
        var block = new byte[BlockBytes];
        block.AsSpan().Fill(0xa5);
        long begin = Stopwatch.GetTimestamp();
        for (long offset = 0; Stopwatch.GetElapsedTime(begin) < duration; offset = (offset + BlockBytes) % FileBytes)
        {
            long started = Stopwatch.GetTimestamp();
            file.Write(offset, block);
            file.DataSync();
            latencies.Record((long)Stopwatch.GetElapsedTime(started).TotalNanoseconds);
        }
        return latencies;
    }
}

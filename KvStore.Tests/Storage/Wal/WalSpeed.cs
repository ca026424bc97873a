using System.Diagnostics;
using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage.Wal;
using NUnit.Framework;

namespace KvStore.Tests.Storage.Wal;

/// <summary>Figures, not verdicts: run it in a Release build on the disk of interest (TMPDIR).</summary>
[TestFixture]
[Explicit("Measures; asserts nothing about time.")]
public sealed class WalSpeed
{
    private const int RecordBytes = 300;
    private const long TotalBytes = 512L << 20;

    [Test]
    public void Append_and_recover()
    {
        var directory = Directory.CreateTempSubdirectory("kvd-speed-").FullName;
        try
        {
            var records = Append(directory);
            for (var run = 0; run < 3; run++) Recover(directory, records);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Test]
    public void One_by_one()
    {
        var directory = Directory.CreateTempSubdirectory("kvd-speed-").FullName;
        try
        {
            using var log = Open(directory, new Counter());
            var (buffer, addresses, payload) = (new WalWriteBuffer(), new WalAddress[1], new byte[RecordBytes]);
            var times = new List<double>();
            for (ulong i = 1; i <= 3_000; i++)
            {
                var start = Stopwatch.GetTimestamp();
                buffer.AddEntry(new PartitionId(1), new Term(1), new LogIndex(i), payload);
                var last = log.Submit(buffer, addresses);
                while (log.Durable < last) Thread.Yield();
                times.Add(Stopwatch.GetElapsedTime(start).TotalMicroseconds);
            }

            times.Sort();
            TestContext.Out.WriteLine($"one at a time: median {times[times.Count / 2]:F0} us, p99 {times[times.Count * 99 / 100]:F0} us");
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static ulong Append(string directory)
    {
        using var log = Open(directory, new Counter());
        var (buffer, addresses, payload) = (new WalWriteBuffer(), new WalAddress[64], new byte[RecordBytes]);
        var start = Stopwatch.GetTimestamp();
        ulong index = 0;
        var before = GC.GetAllocatedBytesForCurrentThread();
        while (index * RecordBytes < TotalBytes)
        {
            for (var i = 0; i < 64; i++) buffer.AddEntry(new PartitionId((ushort)(index % 256)), new Term(1), new LogIndex(++index), payload);
            log.Submit(buffer, addresses);
            while (log.PendingBytes > 4 << 20) Thread.Yield();
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        while (log.Durable < log.LastSubmitted) Thread.Yield();
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        TestContext.Out.WriteLine($"append: {TotalBytes / seconds / 1e6:F0} MB/s, {index / seconds:F0} records/s, {log.Statistics.Batches} batches, {(double)allocated / index:F2} bytes allocated per record by the submitter");
        return index;
    }

    private static void Recover(string directory, ulong records)
    {
        var counter = new Counter();
        var start = Stopwatch.GetTimestamp();
        using var log = Open(directory, counter);
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        TestContext.Out.WriteLine($"recover: {counter.Records} of {records} records, {counter.Bytes / seconds / 1e6:F0} MB/s of payload, {seconds * 1000:F0} ms");
    }

    private static WriteAheadLog Open(string directory, Counter counter) => WriteAheadLog.Open(
        new OsFileSystem(), directory, new WalOptions(), new WalIdentity(1, new NodeId(1), 1), new SystemClock(),
        new ThreadPoolScheduler(e => TestContext.Progress.WriteLine(e)), new WalListenerLog(), counter).Log!;

    private sealed class Counter : IWalReplay
    {
        public long Records { get; private set; }

        public long Bytes { get; private set; }

        public void OnEntry(PartitionId partition, Term term, LogIndex index, Lsn lsn, WalAddress address, ReadOnlySpan<byte> payload)
        {
            Records++;
            Bytes += payload.Length;
        }

        public void OnHardState(PartitionId partition, Lsn lsn, HardStateRecord state)
        {
        }

        public void OnTruncate(PartitionId partition, Lsn lsn, LogIndex from)
        {
        }

        public void OnAppliedSnapshot(PartitionId partition, Lsn lsn, LogIndex index, Term term)
        {
        }

        public void OnRecord(WalRecordType type, PartitionId partition, Lsn lsn, ReadOnlySpan<byte> payload)
        {
        }
    }
}

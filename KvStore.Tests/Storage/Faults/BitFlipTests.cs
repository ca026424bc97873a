using System.Buffers;
using System.Buffers.Binary;
using KvStore.Core.Io;
using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Core.Storage.Manifest;
using KvStore.Core.Storage.Wal;
using KvStore.Tests.Simulation;
using KvStore.Tests.Storage.Wal;
using NUnit.Framework;
using Shouldly;
using WalRecordHeader = KvStore.Core.Storage.Wal.RecordHeader;

namespace KvStore.Tests.Storage.Faults;

/// <summary>
/// One bit of every byte of every kind of file is flipped: it is detected with the file's name and an offset in it, or it lies where nothing
/// is read from. Nothing else is ever read than what was written, and never nothing.
/// </summary>
public sealed class BitFlipTests
{
    private const int Page = 4096;

    [Test]
    public void Tables()
    {
        var (disk, models) = SmallStore();
        var flips = 0;
        foreach (var path in PathsIn(disk, ".sst"))
        {
            var length = disk.Content(path).Length;
            for (var at = 0; at < length; at++, flips++)
            {
                disk.FlipBit(path, at, at % 8);
                CheckVerification(disk, path, at);
                disk.FlipBit(path, at, at % 8);
            }

            foreach (var at in Enumerable.Range(0, length).Where(at => at % 7 == 0 || at >= length - 100))
            {
                var copy = disk.Clone();
                copy.FlipBit(path, at, at % 8);
                CheckReading(copy, models, path, at);
            }
        }

        TestContext.Out.WriteLine($"{flips} flips");
        flips.ShouldBeGreaterThan(2_000);
    }

    /// <summary>Not covered: the zeros behind each record up to the next multiple of 4 KiB, what is reserved behind the last, and the last mark, which no record follows.</summary>
    [Test]
    public void Manifest()
    {
        var (disk, _) = SmallStore();
        var number = CurrentFile.Read(disk, SimEngine.Directory);
        var path = $"{SimEngine.Directory}/{ManifestLog.FileName(number)}";
        var records = RecordsOf(disk.Content(path));
        disk.SetContent(path, disk.Content(path).AsSpan(0, records[^1].At + (2 * Page)));
        var state = Describe(ManifestLog.Read(disk, SimEngine.Directory, number));
        for (var at = 0; at < records[^1].At + (2 * Page); at++)
        {
            var record = records.LastOrDefault(record => at >= record.At && at < record.At + record.Bytes);
            var isCovered = record.Bytes > 0 && record != records[^1];
            if (!isCovered && at % 16 != 0 && record.Bytes == 0) continue;
            disk.FlipBit(path, at, at % 8);
            if (isCovered)
            {
                var damage = Should.Throw<CorruptionException>(() => ManifestLog.Read(disk, SimEngine.Directory, number), $"byte {at}");
                damage.Path.ShouldBe(path);
                damage.Offset.ShouldBe(record.At);
            }
            else
            {
                Describe(ManifestLog.Read(disk, SimEngine.Directory, number)).ShouldBe(state, $"byte {at}");
            }

            disk.FlipBit(path, at, at % 8);
        }
    }

    [Test]
    public void Current()
    {
        var (disk, _) = SmallStore();
        var path = $"{SimEngine.Directory}/{CurrentFile.Name}";
        EveryByteIsCovered(disk, path, () => CurrentFile.Read(disk, SimEngine.Directory));
        disk.FlipBit(path, 17, 0);
        Should.Throw<CorruptionException>(() => new SimEngine(1, disk)).Path.ShouldBe(path);
    }

    /// <summary>Not covered: zeros behind the header up to 4 KiB belong to the header; those behind the states and behind each batch do not, nor does what stands behind the end, nor the last mark.</summary>
    [Test]
    public void Segments()
    {
        var wal = StoppedLog(out var whole);
        var flips = 0;
        foreach (var (number, covered) in CoveredRanges(wal))
        {
            var path = $"{WalHarness.UsualDirectory}/{WalFormat.SegmentName(number)}";
            var length = wal.Disk.Content(path).Length;
            for (var at = 0; at < length; at++)
            {
                var isCovered = covered.Any(range => at >= range.From && at < range.To);
                if (!isCovered && at % 16 != 0) continue;
                flips++;
                CheckSegment(wal, path, at, isCovered, whole);
            }
        }

        TestContext.Out.WriteLine($"{flips} flips");
        flips.ShouldBeGreaterThan(9_000);
    }

    [Test]
    public void Entries_of_an_open_log()
    {
        var wal = new WalHarness(1);
        wal.Open();
        var (_, addresses) = wal.Submit(WalHarness.Entry(1, 3, 1, new string('A', 3_000)), WalHarness.Entry(1, 3, 2, "BB"));
        wal.Scheduler.RunUntilIdle();
        var path = WriteAheadLogTests.SegmentPath(1);
        for (var i = 0; i < addresses.Length; i++)
        {
            var length = WalRecordHeader.Bytes + WalRecordHeader.EntryPrefixBytes + (i == 0 ? 1_500 : 1);
            for (var at = addresses[i].Offset; at < addresses[i].Offset + length; at++)
            {
                wal.Disk.FlipBit(path, at, at % 8);
                var damage = Should.Throw<CorruptionException>(() => wal.Log!.Read(addresses[i], new PartitionId(1), new LogIndex((ulong)i + 1), new ArrayBufferWriter<byte>()), $"byte {at}");
                damage.Path.ShouldBe(path);
                damage.Offset.ShouldBe(addresses[i].Offset);
                wal.Disk.FlipBit(path, at, at % 8);
            }
        }
    }

    [Test]
    public void Identity()
    {
        var disk = new SimDisk(1);
        NodeIdentity.Open(disk, "/data", new Prng(1));
        EveryByteIsCovered(disk, "/data/identity", () => NodeIdentity.Open(disk, "/data", new Prng(1)));
    }

    [Test]
    public void Cluster()
    {
        var disk = new SimDisk(1);
        disk.CreateDirectory("/data");
        new ClusterFile(SmallFileWork.Topology, new byte[ClusterFile.SecretBytes]).Write(disk, "/data");
        EveryByteIsCovered(disk, "/data/cluster", () => ClusterFile.Read(disk, "/data"));
    }

    [Test]
    public void Pending_membership()
    {
        var disk = new SimDisk(1);
        disk.CreateDirectory("/data");
        new PendingInit(7, 16, ["a:1", "b:1", "c:1"]).Write(disk, "/data");
        EveryByteIsCovered(disk, "/data/cluster.pending", () => PendingInit.Read(disk, "/data"));
    }

    [Test]
    public void Snapshot_chunks()
    {
        using var sim = new SimEngine(1);
        var source = sim.Engine.CreatePartition(new PartitionId(1), "c"u8);
        for (ulong i = 1; i <= 12; i++) source.Put(i, $"key{i}", new string('v', 40));
        var target = sim.Engine.CreatePartition(new PartitionId(2), "t"u8);
        target.Put(1, "a", "1");
        var chunks = new List<byte[]>();
        using (var export = source.BeginExport())
        {
            for (var more = true; more;)
            {
                var chunk = new ArrayBufferWriter<byte>();
                more = export.Read(chunk, 300);
                chunks.Add(chunk.WrittenSpan.ToArray());
            }
        }

        chunks.Count.ShouldBeGreaterThan(2);
        for (var broken = 0; broken < chunks.Count; broken++)
            for (var at = 0; at < chunks[broken].Length; at++) CheckIngest(target, chunks, broken, at);
        target.Dump().ShouldBe("a=1");
    }

    private static void CheckIngest(PartitionStore target, List<byte[]> chunks, int broken, int at)
    {
        var ingest = target.BeginIngest(Records.State(50), "new"u8);
        for (var i = 0; i < broken; i++) ingest.Write(chunks[i]);
        var chunk = chunks[broken].ToArray();
        chunk[at] ^= (byte)(1 << (at % 8));
        var damage = Should.Throw<CorruptionException>(() => ingest.Write(chunk), $"chunk {broken} byte {at}");
        damage.Offset.ShouldBeInRange(0, chunk.Length);
        ingest.Abort();
    }

    private static void EveryByteIsCovered(SimDisk disk, string path, Action read)
    {
        read();
        var length = disk.Content(path).Length;
        for (var at = 0; at < length; at++)
        {
            disk.FlipBit(path, at, at % 8);
            var damage = Should.Throw<CorruptionException>(read, $"byte {at}");
            damage.Path.ShouldBe(path);
            damage.Offset.ShouldBeInRange(0, length);
            disk.FlipBit(path, at, at % 8);
        }
    }

    private static void CheckVerification(SimDisk disk, string path, int at)
    {
        var problems = new List<StorageProblem>();
        StorageInspection.Verify(disk, SimEngine.Directory, problems.Add).ShouldBeGreaterThan(0, $"{path} byte {at}");
        problems.ShouldAllBe(problem => problem.Path == path && problem.Offset >= 0);
    }

    private static void CheckReading(SimDisk disk, List<EngineModel> models, string path, int at)
    {
        using var sim = new SimEngine(1, disk);
        foreach (var model in models)
        {
            var store = sim.Engine.Find(model.Id)!;
            for (var key = 0; key < ModelEntry.Keys; key += 4) RightOrDamaged(() => model.CheckGet(store, $"key-{key:D3}"), path, at);
            RightOrDamaged(() => model.CheckAll(store), path, at);
        }

        sim.Listener.Failures.ShouldBeEmpty();
    }

    private static void RightOrDamaged(Action read, string path, int at)
    {
        try
        {
            read();
        }
        catch (CorruptionException damage)
        {
            damage.Path.ShouldBe(path);
        }
        catch (Exception e)
        {
            throw new AssertionException($"{path} byte {at}: {e.Message}", e);
        }
    }

    /// <summary>A store of two partitions in a few small tables of several levels, closed.</summary>
    private static (SimDisk Disk, List<EngineModel> Models) SmallStore()
    {
        using var sim = new SimEngine(5);
        var random = new Prng(5);
        var models = new List<EngineModel> { new(new PartitionId(1)), new(new PartitionId(2)) };
        foreach (var model in models) sim.Engine.CreatePartition(model.Id, model.ConfigurationAt(0));
        for (var round = 0; round < 3; round++)
        {
            foreach (var model in models)
                for (var i = 0; i < 3; i++) model.Apply(sim.Engine.Find(model.Id)!, random);
            sim.Engine.FlushAll();
            if (round == 1) sim.Scheduler.RunUntilIdle();
        }

        return (sim.Disk, models);
    }

    private static List<string> PathsIn(SimDisk disk, string suffix) =>
        [.. disk.List(SimEngine.Directory).Where(name => name.EndsWith(suffix, StringComparison.Ordinal)).Select(name => $"{SimEngine.Directory}/{name}")];

    private static List<(int At, int Bytes)> RecordsOf(byte[] manifest)
    {
        var records = new List<(int, int)>();
        for (var at = 0; BinaryPrimitives.ReadUInt32LittleEndian(manifest.AsSpan(at)) != 0;)
        {
            var bytes = ManifestRecord.HeaderBytes + BinaryPrimitives.ReadInt32LittleEndian(manifest.AsSpan(at + 16));
            records.Add((at, bytes));
            at += (bytes + Page - 1) / Page * Page;
        }

        records.Count.ShouldBeGreaterThan(6);
        return records;
    }

    private static string Describe(ManifestState state) => Convert.ToHexString(VersionEditCodec.Encode(state.AsEdit()));

    /// <summary>A log of two starts in small segments, stopped cleanly.</summary>
    private static WalHarness StoppedLog(out List<WalRecord> whole)
    {
        var wal = new WalHarness(3) { Options = new WalOptions { SegmentBytes = 16 << 10, RetentionBytes = 1 << 20 } };
        for (var start = 0; start < 2; start++)
        {
            wal.Open();
            for (var i = 0; i < 3; i++)
            {
                wal.Submit(WalHarness.Entry(1, 1, (ulong)((start * 3) + i + 1), new string('E', 400)), WalHarness.HardState(2, (ulong)wal.History.Count + 1, 1, 0));
                wal.Scheduler.RunUntilIdle();
            }

            wal.Log!.Stop();
        }

        whole = [.. wal.History];
        return wal;
    }

    /// <summary>What checksums cover in each segment: the header with its page and states, and every batch but the last mark.</summary>
    private static List<(ulong Number, List<(int From, int To)> Ranges)> CoveredRanges(WalHarness wal)
    {
        var segments = new List<(ulong, List<(int, int)>)>();
        foreach (var name in wal.Disk.List(WalHarness.UsualDirectory))
        {
            if (!WalFormat.TryParseSegmentName(name, out var number)) continue;
            var content = wal.Disk.Content($"{WalHarness.UsualDirectory}/{name}");
            var ranges = new List<(int, int)> { (0, Page + BinaryPrimitives.ReadInt32LittleEndian(content.AsSpan(12))) };
            for (var at = BinaryPrimitives.ReadInt32LittleEndian(content.AsSpan(116)); at < content.Length && content[at] != 0; at += Page)
            {
                var records = BinaryPrimitives.ReadInt32LittleEndian(content.AsSpan(at + 48));
                if (records > 0) ranges.Add((at, at + BatchHeader.Bytes + BinaryPrimitives.ReadInt32LittleEndian(content.AsSpan(at + 4))));
            }

            segments.Add((number, ranges));
        }

        segments.Count.ShouldBeGreaterThan(2);
        return segments;
    }

    private static void CheckSegment(WalHarness wal, string path, int at, bool isCovered, List<WalRecord> whole)
    {
        var copy = new WalHarness(4) { Disk = wal.Disk.Clone(), Options = wal.Options };
        copy.Disk.FlipBit(path, at, at % 8);
        try
        {
            copy.Open();
        }
        catch (WalRefusedException refusal)
        {
            (isCovered && at is >= 8 and < 12).ShouldBeTrue($"{path} byte {at}");
            refusal.Message.ShouldContain(path);
            return;
        }

        if (isCovered)
        {
            copy.Report!.Damage.ShouldNotBeNull($"{path} byte {at}");
            copy.Report.Damage.Path.ShouldBe(path);
            copy.Report.Damage.Offset.ShouldBeInRange(0, at);
            copy.Log.ShouldBeNull();
            return;
        }

        copy.Report!.Damage.ShouldBeNull($"{path} byte {at}");
        copy.Report.LastLsn.Value.ShouldBe((ulong)whole.Count);
        for (var i = 0; i < whole.Count; i++) whole[i].Same(copy.Replayed.Records[(ulong)i + 1]).ShouldBeTrue($"{path} byte {at}");
    }
}

using System.Buffers;
using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage.Wal;
using KvStore.Tests.Simulation;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage.Wal;

[TestFixture]
public sealed class WriteAheadLogTests
{
    private static readonly PartitionId P1 = new(1);

    [Test]
    public void Everything_that_gathers_during_a_sync_goes_out_in_one_batch()
    {
        var wal = Opened();
        for (ulong i = 1; i <= 10; i++) wal.Submit(WalHarness.Entry(1, 1, i, "AB"));
        wal.Log!.Durable.ShouldBe(Lsn.Zero);
        wal.Log.PendingBytes.ShouldBeGreaterThan(0);
        wal.Log.OldestPendingSinceNs.ShouldBe(wal.Scheduler.BootTimeNs);

        var syncs = wal.Disk.Count(DiskCall.DataSync);
        var writes = wal.Disk.Count(DiskCall.Write);
        while (wal.Listener.Durable == Lsn.Zero) wal.Scheduler.RunOne().ShouldBeTrue();

        wal.Listener.Durable.ShouldBe(new Lsn(10));
        wal.Listener.LargestBatchRecords.ShouldBe(10);
        wal.Log.Statistics.Batches.ShouldBe(1);
        wal.Log.PendingBytes.ShouldBe(0);
        wal.Log.OldestPendingSinceNs.ShouldBe(0);
        (wal.Disk.Count(DiskCall.DataSync) - syncs).ShouldBeLessThanOrEqualTo(2, "one for the batch, and perhaps the spare's");
        (wal.Disk.Count(DiskCall.Write) - writes).ShouldBeLessThanOrEqualTo(2);
    }

    [Test]
    public void An_entry_can_be_read_while_it_is_pending_and_after_it_is_on_the_disk()
    {
        var wal = Opened();
        var (_, addresses) = wal.Submit(WalHarness.Entry(1, 3, 1, "0102"), WalHarness.Entry(2, 3, 1, new string('7', 20_000)));
        Read(wal, addresses[0], 1, 1).ShouldBe("0102");
        wal.Scheduler.RunUntilIdle();
        Read(wal, addresses[0], 1, 1).ShouldBe("0102");
        Read(wal, addresses[1], 2, 1).ShouldBe(new string('7', 20_000));
        Should.Throw<CorruptionException>(() => Read(wal, addresses[0], 1, 2));
        Should.Throw<CorruptionException>(() => Read(wal, addresses[0], 2, 1));
        Should.Throw<CorruptionException>(() => Read(wal, new WalAddress(addresses[0].Value + 1), 1, 1));
        Should.Throw<ArgumentException>(() => Read(wal, new WalAddress(addresses[0].Value + (1UL << 32)), 1, 1));
    }

    [Test]
    public void A_damaged_record_is_never_returned()
    {
        var wal = Opened();
        var (_, addresses) = wal.Submit(WalHarness.Entry(1, 3, 1, new string('A', 6_000)));
        wal.Scheduler.RunUntilIdle();
        for (var at = 0; at < RecordHeader.Bytes + RecordHeader.EntryPrefixBytes + 3_000; at++)
        {
            if (at is >= RecordHeader.Bytes and < RecordHeader.Bytes + 8) at += 8; // Damage of the term shows only in the checksum, as the data's does.
            wal.Disk.FlipBit(SegmentPath(1), addresses[0].Offset + at, at % 8);
            Should.Throw<CorruptionException>(() => Read(wal, addresses[0], 1, 1), $"byte {at}");
            wal.Disk.FlipBit(SegmentPath(1), addresses[0].Offset + at, at % 8);
        }

        Read(wal, addresses[0], 1, 1).ShouldBe(new string('A', 6_000));
    }

    [Test]
    public void A_submission_larger_than_a_segment_gets_one_of_its_own()
    {
        var wal = Opened();
        wal.Submit(WalHarness.Entry(1, 1, 1, "01"));
        wal.Submit(WalHarness.Entry(1, 1, 2, new string('B', 600_000)), WalHarness.Entry(1, 1, 3, "03"));
        wal.Submit(WalHarness.Entry(1, 1, 4, "04"));
        wal.Scheduler.RunUntilIdle();
        wal.Listener.Durable.ShouldBe(new Lsn(4));
        Reopened(wal).Replayed.Groups[1].Log.Count.ShouldBe(4);
    }

    [Test]
    public void Segments_over_the_budget_are_recycled_only_when_their_entries_are_applied()
    {
        var wal = Opened();
        var (_, first) = wal.Submit(WalHarness.HardState(2, 5, 1, 0), WalHarness.Entry(1, 5, 1, "01"), new WalRecord(WalRecordType.HlcCeiling, default, [77], ""));
        FillSegments(wal, 6);
        wal.Listener.Recycled.ShouldBeEmpty();
        wal.Listener.PinnedBy.ShouldBe([P1]);
        wal.Log!.SizeBytes.ShouldBeGreaterThan(wal.Options.RetentionBytes);

        wal.SetApplied(P1, new LogIndex(28));
        wal.Scheduler.RunUntilIdle();
        wal.Log.SizeBytes.ShouldBeLessThanOrEqualTo(wal.Options.RetentionBytes);
        wal.Listener.Recycled[P1].Value.ShouldBeLessThanOrEqualTo(28UL);
        wal.Log.Read(first[1], P1, new LogIndex(1), new ArrayBufferWriter<byte>()).ShouldBe(-1);

        Reopened(wal).Report!.FirstLsn.ShouldBeGreaterThan(new Lsn(3));
        wal.Replayed.Groups[2].HardState.ShouldBe(new HardStateRecord(new Term(5), 1, LogIndex.Zero));
        wal.Replayed.HlcCeiling.ShouldBe(77UL);
    }

    [Test]
    public void On_a_full_disk_the_log_writes_on_in_segments_it_would_have_kept()
    {
        var wal = Opened();
        FillSegments(wal, 1);
        wal.Disk.CapacityBytes = wal.Disk.UsedBytes;
        FillSegments(wal, 1);
        wal.Log!.Statistics.SegmentsRecycled.ShouldBe(0);
        wal.Log.ReservedBytes.ShouldBeLessThan(wal.Options.SegmentBytes);

        wal.SetApplied(P1, new LogIndex(1000));
        wal.Scheduler.RunUntilIdle();
        wal.Log.Statistics.SegmentsRecycled.ShouldBe(1);
        wal.Log.ReservedBytes.ShouldBeGreaterThanOrEqualTo(wal.Options.SegmentBytes);
        FillSegments(wal, 10);
        wal.Log.ReservedBytes.ShouldBeGreaterThanOrEqualTo(wal.Options.SegmentBytes);
        wal.Listener.Failure.ShouldBeNull();
    }

    [Test]
    public void Wanted_entries_and_detached_writes_pin_their_segment_until_released()
    {
        var wal = Opened();
        var (detached, _) = wal.Submit(new WalRecord(WalRecordType.DetachedWrite, new PartitionId(3), [], "DD"), WalHarness.Entry(1, 1, 1, "01"));
        wal.Log!.SetWanted(P1, new LogIndex(1));
        FillSegments(wal, 6);
        wal.SetApplied(P1, new LogIndex(1000));
        wal.Scheduler.RunUntilIdle();
        wal.Log.Statistics.SegmentsRecycled.ShouldBe(0);

        wal.Log.SetWanted(P1, null);
        wal.Scheduler.RunUntilIdle();
        wal.Log.Statistics.SegmentsRecycled.ShouldBe(0);

        wal.Submit(new WalRecord(WalRecordType.DetachedRelease, new PartitionId(3), [detached.Value], ""));
        wal.Scheduler.RunUntilIdle();
        wal.SetApplied(P1, new LogIndex(1001));
        wal.Scheduler.RunUntilIdle();
        wal.Log.Statistics.SegmentsRecycled.ShouldBeGreaterThan(0);
    }

    [Test]
    public void Entries_that_are_written_again_at_the_end_let_the_segments_between_go()
    {
        var wal = Opened();
        wal.Submit([.. Enumerable.Range(1, 10).Select(i => WalHarness.Entry(2, 1, (ulong)i, $"{i:X2}"))]);
        wal.SetApplied(new PartitionId(2), new LogIndex(4));
        FillSegments(wal, 6);
        wal.SetApplied(P1, new LogIndex(1000));
        wal.Scheduler.RunUntilIdle();
        wal.Log!.Statistics.SegmentsRecycled.ShouldBe(0);
        wal.Listener.PinnedBy.ShouldContain(new PartitionId(2));

        var (_, addresses) = wal.Submit(
            [new WalRecord(WalRecordType.Truncate, new PartitionId(2), [5], ""), .. Enumerable.Range(5, 6).Select(i => WalHarness.Entry(2, 1, (ulong)i, $"{i:X2}"))]);
        wal.Scheduler.RunUntilIdle();
        wal.SetApplied(P1, new LogIndex(1001));
        wal.Scheduler.RunUntilIdle();
        wal.Log.SizeBytes.ShouldBeLessThanOrEqualTo(wal.Options.RetentionBytes);
        wal.Listener.Recycled[new PartitionId(2)].ShouldBe(new LogIndex(4));
        Read(wal, addresses[1], 2, 5).ShouldBe("05");
        Reopened(wal);
        for (ulong i = 5; i <= 10; i++) wal.Replayed.Groups[2].Log[i].Data.ShouldBe($"{i:X2}");
    }

    [TestCase(WalRecordType.Truncate, 1UL)]
    [TestCase(WalRecordType.AppliedSnapshot, 500UL)]
    [TestCase(WalRecordType.PartitionDropped, 0UL)]
    public void Entries_that_the_log_itself_gives_up_pin_nothing(WalRecordType type, ulong number)
    {
        var wal = Opened();
        FillSegments(wal, 6);
        wal.Submit(type switch
        {
            WalRecordType.Truncate => new WalRecord(type, P1, [number], ""),
            WalRecordType.AppliedSnapshot => new WalRecord(type, P1, [number, 1], ""),
            _ => new WalRecord(type, P1, [], ""),
        });
        wal.Scheduler.RunUntilIdle();
        wal.Log!.SetApplied(new PartitionId(9), new LogIndex(1));
        wal.Scheduler.RunUntilIdle();
        wal.Log.Statistics.SegmentsRecycled.ShouldBeGreaterThan(0);
        wal.Listener.Recycled.ShouldNotContainKey(P1);
    }

    [Test]
    public void An_idle_log_marks_itself_durable_once_and_a_clean_stop_leaves_nothing_to_copy()
    {
        var wal = Opened();
        wal.Submit(WalHarness.Entry(1, 1, 1, "01"));
        wal.Scheduler.RunUntilIdle();
        var writes = wal.Disk.Count(DiskCall.Write);
        for (var i = 0; i < 5; i++)
        {
            wal.Scheduler.Advance(wal.Options.IdleMarkDelayNs);
            wal.Scheduler.RunUntilIdle();
        }

        (wal.Disk.Count(DiskCall.Write) - writes).ShouldBe(1);
        wal.Submit(WalHarness.Entry(1, 1, 2, "02"));
        wal.Log!.Stop();
        Should.Throw<ObjectDisposedException>(() => wal.Submit(WalHarness.Entry(1, 1, 3, "03")));
        wal.Disk = wal.Disk.Crash();
        wal.Open();
        wal.Report!.LastLsn.ShouldBe(new Lsn(2));
        wal.Replayed.Groups[1].Addresses[2].Segment.ShouldBe(1UL);
    }

    [Test]
    public void What_may_live_only_in_the_page_cache_is_written_again_before_the_log_is_open()
    {
        var wal = Opened();
        wal.Submit(WalHarness.Entry(1, 1, 1, "01"));
        wal.Scheduler.RunUntilIdle();
        wal.Disk = wal.Disk.Kill();
        wal.Open();
        wal.Replayed.Groups[1].Addresses[1].Segment.ShouldBe(2UL);
        Read(wal, wal.Replayed.Groups[1].Addresses[1], 1, 1).ShouldBe("01");
        wal.Log!.Durable.ShouldBe(new Lsn(1));
    }

    [Test]
    public void A_cut_tail_never_comes_back()
    {
        var wal = Opened();
        wal.Submit(WalHarness.Entry(1, 1, 1, "01"));
        wal.Scheduler.RunUntilIdle();
        wal.Log!.Stop();
        wal.Open();
        wal.Submit(WalHarness.Entry(1, 1, 2, "AA"));
        wal.Scheduler.RunUntilIdle();
        var path = SegmentPath(2);
        var whole = wal.Disk.Content(path);

        wal.Disk.FlipBit(path, 2 * WalFormat.PageBytes + 60, 1);
        wal.Disk = wal.Disk.Clone();
        wal.Open();
        wal.Report!.LastLsn.ShouldBe(new Lsn(1));
        wal.Report.TornBytes.ShouldBeGreaterThan(0);
        wal.History.RemoveAt(1);
        wal.Submit(WalHarness.Entry(1, 2, 2, "BB"));
        wal.Scheduler.RunUntilIdle();

        wal.Disk.SetContent(path, whole);
        wal.Disk = wal.Disk.Clone();
        wal.Open();
        wal.Replayed.Groups[1].Log[2].Data.ShouldBe("BB");
    }

    [Test]
    public void Another_nodes_files_are_refused_untouched()
    {
        var wal = Opened();
        wal.Submit(WalHarness.Entry(1, 1, 1, "01"));
        wal.Log!.Stop();
        var before = wal.Disk.Clone();
        WalIdentity[] others =
        [
            WalHarness.Identity with { ClusterId = 5 }, WalHarness.Identity with { Node = new NodeId(8) }, WalHarness.Identity with { Incarnation = 9 },
        ];
        foreach (var other in others)
        {
            var refused = Should.Throw<WalRefusedException>(() => WriteAheadLog.Open(
                wal.Disk, WalHarness.UsualDirectory, wal.Options, other, wal.Scheduler, wal.Scheduler, wal.Listener, new WalModel()));
            refused.Message.ShouldContain(WalHarness.Identity.ToString());
            refused.Message.ShouldContain(other.ToString());
        }

        SameFiles(wal.Disk, before);
    }

    [Test]
    public void A_newer_format_is_refused_with_both_versions()
    {
        var wal = Opened();
        wal.Log!.Stop();
        wal.Disk.FlipBit(SegmentPath(1), 8, 1);
        Should.Throw<WalRefusedException>(wal.Open).Message.ShouldContain("version 3; this release knows version 1");
    }

    [Test]
    public void Submitting_allocates_nothing()
    {
        var wal = new WalHarness(1) { Options = new WalOptions { SegmentBytes = 4 << 20 } }; // Each segment is planned once, in 32 bytes.
        wal.Open();
        var buffer = new WalWriteBuffer();
        var addresses = new WalAddress[16];
        var data = new byte[100];
        long allocated = 0;
        for (ulong round = 0; round < 200; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (ulong i = 1; i <= 16; i++) buffer.AddEntry(P1, new Term(1), new LogIndex(round * 16 + i), data);
            wal.Log!.Submit(buffer, addresses);
            if (round >= 100) allocated += GC.GetAllocatedBytesForCurrentThread() - before;
            wal.Scheduler.RunUntilIdle();
        }

        allocated.ShouldBe(0);
    }

    internal static void SameFiles(SimDisk disk, SimDisk before)
    {
        var names = disk.List(WalHarness.UsualDirectory);
        names.ShouldBe(before.List(WalHarness.UsualDirectory));
        foreach (var path in names.Select(name => $"{WalHarness.UsualDirectory}/{name}")) disk.Content(path).AsSpan().SequenceEqual(before.Content(path)).ShouldBeTrue(path);
    }

    internal static string SegmentPath(ulong number) => $"{WalHarness.UsualDirectory}/{WalFormat.SegmentName(number)}";

    private static WalHarness Opened()
    {
        var wal = new WalHarness(1);
        wal.Open();
        return wal;
    }

    private static WalHarness Reopened(WalHarness wal)
    {
        wal.NotePromises();
        wal.Disk = wal.Disk.Crash();
        wal.Open();
        wal.CheckRecovery();
        return wal;
    }

    private static void FillSegments(WalHarness wal, int segments)
    {
        var index = (ulong)wal.History.Count(record => record.Type == WalRecordType.Entry && record.Partition == P1);
        for (var i = 0; i < segments * 5; i++)
        {
            wal.Submit(WalHarness.Entry(1, 1, ++index, new string('C', 24_000)));
            wal.Scheduler.RunUntilIdle();
        }
    }

    private static string Read(WalHarness wal, WalAddress address, ushort partition, ulong index)
    {
        var data = new ArrayBufferWriter<byte>();
        wal.Log!.Read(address, new PartitionId(partition), new LogIndex(index), data).ShouldBe(data.WrittenCount);
        return Convert.ToHexString(data.WrittenSpan);
    }
}

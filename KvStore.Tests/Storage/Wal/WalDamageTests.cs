using KvStore.Core.Primitives;
using KvStore.Core.Storage.Wal;
using KvStore.Tests.Simulation;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage.Wal;

/// <summary>Bit flips: a torn tail is cut, damage of anything that was known to be durable is reported and nothing is touched.</summary>
[TestFixture]
public sealed class WalDamageTests
{
    private const int Page = WalFormat.PageBytes;

    [Test]
    public void A_flip_in_the_last_batch_is_torn_when_nothing_says_that_it_was_durable()
    {
        var wal = ThreeBatches();
        foreach (var offset in Interesting(3 * Page, 1_500)) Flip(wal, 1, offset).Report!.LastLsn.ShouldBe(new Lsn(2), $"offset {offset}");
    }

    [Test]
    public void A_flip_in_the_last_batch_is_damage_once_a_mark_says_that_it_was_durable()
    {
        var wal = ThreeBatches();
        // The timer that the first batch set finds that others followed, and waits once more.
        for (var i = 0; i < 2; i++)
        {
            wal.Scheduler.Advance(wal.Options.IdleMarkDelayNs);
            wal.Scheduler.RunUntilIdle();
        }

        foreach (var offset in Interesting(3 * Page, 1_500)) ShouldBeDamaged(Flip(wal, 1, offset), 3, 3);
        foreach (var offset in Interesting(4 * Page, BatchHeader.Bytes)) Flip(wal, 1, offset).Report!.LastLsn.ShouldBe(new Lsn(3), $"mark, offset {offset}");
    }

    [Test]
    public void A_flip_in_an_earlier_batch_is_damage()
    {
        var wal = ThreeBatches();
        foreach (var offset in Interesting(Page, 1_500)) ShouldBeDamaged(Flip(wal, 1, offset), 1, 2);
        foreach (var offset in Interesting(2 * Page, 1_500)) ShouldBeDamaged(Flip(wal, 1, offset), 2, 2);
    }

    [Test]
    public void A_flip_behind_a_batch_is_nothing()
    {
        var wal = ThreeBatches();
        Flip(wal, 1, 3 * Page + 3_000).Report!.LastLsn.ShouldBe(new Lsn(3));
        Flip(wal, 1, 9 * Page).Report!.LastLsn.ShouldBe(new Lsn(3));
    }

    [Test]
    public void A_flip_in_a_segment_header_or_its_group_states_is_damage_or_refused()
    {
        var wal = ThreeBatches();
        wal.Log!.Stop();
        wal.Open();
        wal.Log!.Stop();
        for (ulong segment = 1; segment <= 2; segment++)
        {
            foreach (var offset in Enumerable.Range(0, 120).Where(i => i is < 8 or > 11).Append(Page - 1)) Flip(wal, segment, offset).Report!.Damage.ShouldNotBeNull($"segment {segment} offset {offset}");
            for (var offset = 8; offset < 12; offset++)
                Should.Throw<WalRefusedException>(() => Flip(wal, segment, offset)).Message.ShouldContain("version");
        }

        foreach (var offset in Interesting(Page, GroupState.Bytes)) Flip(wal, 2, offset).Report!.Damage.ShouldNotBeNull();
    }

    [Test]
    public void A_flip_in_a_batch_of_an_older_segment_is_damage()
    {
        var wal = ThreeBatches();
        wal.Log!.Stop();
        wal.Open();
        foreach (var offset in Interesting(3 * Page, 1_500)) ShouldBeDamaged(Flip(wal, 1, offset), 3, 3);
    }

    [Test]
    public void A_missing_segment_is_damage_unless_it_is_the_oldest()
    {
        var wal = ThreeBatches();
        for (var i = 0; i < 3; i++)
        {
            wal.Log!.Stop();
            wal.Open();
        }

        wal.Log!.Stop();
        wal.Disk.Delete(WriteAheadLogTests.SegmentPath(2));
        wal.Open();
        wal.Log.ShouldBeNull();
        wal.Report!.Damage!.What.ShouldContain("segment 2");
    }

    [Test]
    public void Copied_batches_are_known_to_be_durable()
    {
        var wal = ThreeBatches();
        wal.Disk = wal.Disk.Kill();
        wal.Open();
        wal.Replayed.Groups[1].Addresses[3].Segment.ShouldBe(2UL);
        ShouldBeDamaged(Flip(wal, 2, wal.Replayed.Groups[1].Addresses[3].Offset), 3, 3);
    }

    [Test]
    public void A_tail_of_noise_is_cut()
    {
        var wal = ThreeBatches();
        var content = wal.Disk.Content(WriteAheadLogTests.SegmentPath(1));
        new Prng(5).Fill(content.AsSpan(3 * Page));
        wal.Disk.SetContent(WriteAheadLogTests.SegmentPath(1), content);
        wal.Open();
        wal.Report!.LastLsn.ShouldBe(new Lsn(2));
        wal.Report.Damage.ShouldBeNull();
    }

    /// <summary>Segment 1, which starts with no group states, has three batches of one record each at pages 1 to 3.</summary>
    private static WalHarness ThreeBatches()
    {
        var wal = new WalHarness(3);
        wal.Open();
        for (ulong i = 1; i <= 3; i++)
        {
            wal.Submit(WalHarness.Entry(1, 1, i, new string('E', 3_000)));
            wal.Scheduler.RunUntilIdle();
        }

        return wal;
    }

    private static IEnumerable<int> Interesting(int start, int length) =>
        Enumerable.Range(0, length).Where(i => i < 100 || i % 97 == 0 || i == length - 1).Select(i => start + i);

    /// <summary>Opens a copy of the disk in which one bit is wrong.</summary>
    private static WalHarness Flip(WalHarness wal, ulong segment, int offset)
    {
        var copy = new WalHarness(4) { Disk = wal.Disk.Clone() };
        copy.Disk.FlipBit(WriteAheadLogTests.SegmentPath(segment), offset, offset % 8);
        var before = copy.Disk.Clone();
        try
        {
            copy.Open();
        }
        finally
        {
            if (copy.Log is null) WriteAheadLogTests.SameFiles(copy.Disk, before);
        }

        return copy;
    }

    private static void ShouldBeDamaged(WalHarness wal, ulong from, ulong knownDurable)
    {
        wal.Log.ShouldBeNull();
        wal.Report!.Damage!.From.ShouldBe(new Lsn(from));
        wal.Report.Damage.KnownDurable.ShouldBe(new Lsn(knownDurable));
    }

    /// <summary>Within the header, within the states behind it, or in front of its first batch: recovery and inspection report, and do not crash.</summary>
    [Test]
    public void A_newest_segment_that_is_cut_short_anywhere_is_reported([Values(0, 1, 119, 4_095, 4_096, 4_097, 4_160, 8_191, 8_192)] int length)
    {
        var wal = new WalHarness(5);
        for (var start = 0; start < 2; start++)
        {
            wal.Open();
            wal.Submit(WalHarness.Entry(1, 1, (ulong)start + 1, "AA"), WalHarness.HardState(2, (ulong)start + 1, 1, 0));
            wal.Log!.Stop();
        }

        var path = $"{WalHarness.UsualDirectory}/{WalFormat.SegmentName(2)}";
        wal.Disk.SetContent(path, wal.Disk.Content(path).AsSpan(0, length));
        var inspected = WalInspection.Inspect(wal.Disk, WalHarness.UsualDirectory);
        wal.Open();
        (wal.Report!.Damage is null).ShouldBe(inspected.Problems.Count == 0);
        wal.Report.LastLsn.ShouldBe(inspected.LastLsn);
        if (length < WalFormat.PageBytes) wal.Report.Damage.ShouldNotBeNull().Path.ShouldBe(path);
    }
}

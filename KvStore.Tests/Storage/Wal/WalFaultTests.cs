using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage.Wal;
using KvStore.Tests.Simulation;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage.Wal;

/// <summary>A disk that is full.</summary>
[TestFixture]
public sealed class WalFaultTests
{
    /// <summary>The crash came while a spare that had been taken had no name of its own yet: on a full disk there is no other file for the first segment.</summary>
    [Test]
    public void A_start_on_a_full_disk_uses_what_a_crash_left_of_the_segment_to_come()
    {
        var wal = new WalHarness(3);
        wal.Open();
        wal.Submit(WalHarness.Entry(1, 1, 1, "EE"));
        wal.Scheduler.RunUntilIdle();
        wal.Disk.Rename($"{wal.Directory}/{WalFormat.SpareName}", $"{wal.Directory}/{WalFormat.RollingName}");
        wal.Disk.SyncDirectory(wal.Directory);
        wal.Disk = wal.Disk.Crash();
        wal.Disk.CapacityBytes = wal.Disk.UsedBytes;
        wal.Open();
        wal.Report!.Damage.ShouldBeNull();
        wal.Report.LastLsn.Value.ShouldBe(1ul);
        wal.Disk.FileExists($"{wal.Directory}/{WalFormat.RollingName}").ShouldBeFalse();
        wal.Disk.Content($"{wal.Directory}/{WalFormat.SegmentName(2)}").Length.ShouldBe(wal.Options.SegmentBytes);
    }

    [Test]
    public void A_full_disk_shows_in_the_reserve_before_a_submission_can_fail()
    {
        var wal = new WalHarness(12);
        wal.Open();
        wal.Scheduler.RunUntilIdle();
        wal.Disk.CapacityBytes = wal.Disk.UsedBytes;
        ulong index = 0;
        while (wal.Log!.ReservedBytes > 20_000)
        {
            wal.Submit(WalHarness.Entry(1, 1, ++index, new string('F', 10_000)));
            wal.Scheduler.RunUntilIdle();
            wal.Listener.Failure.ShouldBeNull();
        }

        index.ShouldBeGreaterThan(10UL);
        wal.Disk.CapacityBytes = long.MaxValue;
        wal.SetApplied(new PartitionId(1), new LogIndex(1));
        for (var i = 0; i < 30; i++)
        {
            wal.Submit(WalHarness.Entry(1, 1, ++index, new string('F', 10_000)));
            wal.Scheduler.RunUntilIdle();
        }

        wal.Listener.Failure.ShouldBeNull();
    }
}

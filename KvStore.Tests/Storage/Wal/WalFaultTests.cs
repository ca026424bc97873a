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

using KvStore.Core.Io;
using KvStore.Core.Storage.Wal;
using KvStore.Tests.Simulation;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage.Wal;

/// <summary>Two lanes share the files of the supply: what the writer has taken is not touched any more.</summary>
[TestFixture]
public sealed class SegmentSupplyTests
{
    private const int SegmentBytes = 16 << 10;
    private const string Directory = "/data/wal";

    [TestCase(true, TestName = "A_file_that_was_taken_is_not_replaced_by_a_segment_retired_before_it_has_its_own_name")]
    [TestCase(false, TestName = "A_file_that_was_taken_is_not_replaced_by_a_spare_made_before_it_has_its_own_name")]
    public void A_file_that_was_taken_stays_the_writers(bool retires)
    {
        var disk = new SimDisk(1);
        disk.CreateDirectory(Directory);
        var scheduler = new SimScheduler(1);
        using var supply = new SegmentSupply(disk, Directory, SegmentBytes, scheduler, () => { }, e => throw e);
        supply.Replenish();
        scheduler.RunUntilIdle();
        supply.ReadyBytes.ShouldBe(SegmentBytes);
        var oldest = Write(disk, WalFormat.SegmentName(1), 0x01);

        // As in the writer's lane: the file is taken, written, synced and renamed, and the other lane need not wait for any of it.
        var taken = supply.Take(SegmentBytes);
        using (var file = disk.Open(taken, FileOpenMode.ReadWrite)) file.Write(0, [0x02]);
        if (retires) supply.Retire(new Segment(1, oldest, SegmentBytes));
        else supply.Replenish();
        scheduler.RunUntilIdle();

        var path = Path.Combine(Directory, WalFormat.SegmentName(2));
        disk.Rename(taken, path);
        using var segment = disk.Open(path, FileOpenMode.Read);
        Span<byte> first = stackalloc byte[1];
        segment.Read(0, first).ShouldBe(1);
        first[0].ShouldBe((byte)0x02);
        supply.ReadyBytes.ShouldBe(SegmentBytes);
        disk.FileExists(Path.Combine(Directory, WalFormat.SpareName)).ShouldBeTrue("what is said to be ready is there");
    }

    private static IFile Write(SimDisk disk, string name, byte value)
    {
        var file = disk.Open(Path.Combine(Directory, name), FileOpenMode.CreateNew);
        file.Allocate(SegmentBytes);
        file.Write(0, [value]);
        file.DataSync();
        disk.SyncDirectory(Directory);
        return file;
    }
}

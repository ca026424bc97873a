using KvStore.Core.Io;
using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Tests.Simulation;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Node;

[TestFixture]
internal sealed class StartReserveTests
{
    private const string Directory = "/data";

    [Test]
    public void It_is_what_lets_a_node_start_on_a_full_disk()
    {
        var disk = new SimDisk(1);
        var first = NodeIdentity.Open(disk, Directory, new Prng(1));
        StartReserve.Renew(disk, Directory);
        disk.CapacityBytes = disk.UsedBytes;
        Should.Throw<DiskException>(() => NodeIdentity.Open(disk, Directory, new Prng(1))).IsDiskFull.ShouldBeTrue();

        StartReserve.Release(disk, Directory);
        NodeIdentity.Open(disk, Directory, new Prng(1)).Boot.ShouldBeGreaterThan(first.Boot);
        StartReserve.Renew(disk, Directory);
        disk.CapacityBytes = long.MaxValue;
        disk.FileExists($"{Directory}/{StartReserve.FileName}").ShouldBeTrue("what was written took the place of what had been");
    }

    [Test]
    public void With_enough_space_besides_it_stays_and_without_any_the_node_goes_on()
    {
        var disk = new SimDisk(1);
        disk.CreateDirectory(Directory);
        StartReserve.Renew(disk, Directory);
        StartReserve.Release(disk, Directory);
        disk.FileExists($"{Directory}/{StartReserve.FileName}").ShouldBeTrue();

        disk.Delete($"{Directory}/{StartReserve.FileName}");
        disk.CapacityBytes = disk.UsedBytes + 1000;
        StartReserve.Renew(disk, Directory);
        disk.FileExists($"{Directory}/{StartReserve.FileName}").ShouldBeFalse();
    }
}

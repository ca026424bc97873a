using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Core.Storage.Wal;
using KvStore.Protocol.Messages;
using KvStore.Tests.Simulation;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage.Wal;

/// <summary>Looking at a log without opening it.</summary>
public sealed class WalInspectionTests
{
    [Test]
    public void A_log_is_described_as_recovery_would_find_it()
    {
        var wal = Filled(1);
        var report = WalInspection.Inspect(wal.Disk, wal.Directory);
        report.Damage.ShouldBeNull();
        report.Identity.ShouldBe(WalHarness.Identity);
        report.LastLsn.Value.ShouldBe((ulong)wal.History.Count);
        report.Records.ShouldBe(wal.History.Count);
        report.Segments.ShouldAllBe(segment => segment.UsedBytes > 0 && segment.UsedBytes <= segment.Bytes);
        var group = report.Groups.Single(group => group.Id == new PartitionId(2));
        group.ShouldBe(new GroupReport(new PartitionId(2), new Term(3), 9, new LogIndex(40), new LogIndex(1), new LogIndex(60)));
    }

    [Test]
    public void A_torn_tail_is_told_and_is_no_damage([Range(1, 20)] int seed)
    {
        var wal = Filled((ulong)seed, stopped: false);
        wal.Submit(WalHarness.Entry(2, 3, 61, new string('A', 20_000)));
        for (var step = 0; step < seed % 3; step++) wal.Scheduler.RunOne();
        wal.Disk = wal.Disk.Crash();
        var report = WalInspection.Inspect(wal.Disk, wal.Directory);
        report.Damage.ShouldBeNull();
        report.LastLsn.Value.ShouldBeInRange((ulong)wal.History.Count - 1, (ulong)wal.History.Count);
    }

    [Test]
    public void Damage_is_found_where_recovery_finds_it_and_nothing_is_changed([Range(1, 40)] int seed)
    {
        var wal = Filled((ulong)seed);
        var random = new Prng((ulong)seed);
        var names = wal.Disk.List(wal.Directory).Where(name => WalFormat.TryParseSegmentName(name, out _)).ToList();
        var path = $"{wal.Directory}/{names[random.Next(names.Count)]}";
        wal.Disk.FlipBit(path, random.Next(8 << 10), random.Next(8));
        var before = wal.Disk.List(wal.Directory).Select(name => wal.Disk.Content($"{wal.Directory}/{name}")).ToList();
        var report = WalInspection.Inspect(wal.Disk, wal.Directory);
        wal.Disk.List(wal.Directory).Select(name => wal.Disk.Content($"{wal.Directory}/{name}")).ShouldBe(before);
        wal.Open();
        report.Damage?.Path.ShouldBe(path);
        report.Damage?.Offset.ShouldBe(wal.Report!.Damage?.Offset ?? -1);
        (report.Damage is null).ShouldBe(wal.Report!.Damage is null);
    }

    [Test]
    public void An_empty_directory_is_an_empty_log() => WalInspection.Inspect(new SimDisk(1), "/nowhere").ShouldBe(WalReport.Empty);

    /// <summary>Whatever a power cut leaves of whole nodes can be read: what recovery mends is no problem.</summary>
    [Test]
    public void After_a_power_cut_nothing_is_damaged([Range(1, 10)] int seed)
    {
        using var cluster = new SimCluster((ulong)seed);
        cluster.World.RunUntil(cluster.EveryPartitionIsLed, 5_000_000_000).ShouldBeTrue();
        var value = new string('v', 4000);
        for (var i = 0; i < 400; i++) cluster.Put(1 + (i % 3), $"key {i % 90}", value, i % 2 == 0 ? WriteMode.Strong : WriteMode.Fast);
        cluster.World.RunFor(300_000_000 + (seed * 37_000_000));
        for (var node = 1; node <= 3; node++)
        {
            cluster.Crash(node);
            var disk = cluster.DiskOf(node);
            NodeIdentity.Open(disk, SimCluster.Directory, new Prng(1));
            var report = DataDirectoryInspection.Inspect(disk, SimCluster.Directory, everything: true, problem => Assert.Fail($"seed {seed}: {problem}"));
            report.Log.Records.ShouldBeGreaterThan(0);
            report.Store!.Partitions.Count.ShouldBe(16);
        }
    }

    private static WalHarness Filled(ulong seed, bool stopped = true)
    {
        var wal = new WalHarness(seed);
        wal.Open();
        wal.Submit(WalHarness.HardState(2, 3, 9, 0));
        for (ulong index = 1; index <= 60; index++) wal.Submit(WalHarness.Entry(2, 3, index, new string('7', 2 * (int)(wal.Random.Next(900) + 1))));
        wal.Submit(WalHarness.HardState(2, 3, 9, 40));
        wal.Scheduler.RunUntilIdle();
        if (stopped) wal.Log!.Stop();
        return wal;
    }
}

using System.Globalization;
using System.Text.RegularExpressions;
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
        report.Problems.ShouldBeEmpty();
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
        report.Problems.ShouldBeEmpty();
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
        report.Problems.Select(problem => (problem.Path, problem.Offset)).ShouldBe(wal.Report!.Damage is { } damage ? [(path, damage.Offset)] : []);
    }

    [Test]
    public void Damage_behind_damage_is_named_with_what_is_lost()
    {
        var wal = ThreeByThree();
        FlipEntry(wal, 2);
        wal.Disk.FlipBit(WriteAheadLogTests.SegmentPath(2), 100, 0);
        FlipEntry(wal, 7);
        FlipEntry(wal, 8);
        var report = WalInspection.Inspect(wal.Disk, wal.Directory);
        report.Identity.ShouldBe(WalHarness.Identity);
        report.Problems.Select(problem => problem.What).ShouldBe(
        [
            $"{WriteAheadLogTests.SegmentPath(1)} at 8192: a batch is missing or its checksum is wrong; LSN 2 cannot be read",
            $"{WriteAheadLogTests.SegmentPath(2)} at 0: the segment header's checksum is wrong; nothing in this segment can be read",
            $"{WriteAheadLogTests.SegmentPath(3)} at 8192: a batch is missing or its checksum is wrong; LSN 7 to 8 cannot be read",
        ]);
    }

    [Test]
    public void Damage_of_the_oldest_header_hides_nothing_behind_it()
    {
        var wal = ThreeByThree();
        wal.Disk.FlipBit(WriteAheadLogTests.SegmentPath(1), 40, 3); // the incarnation
        FlipEntry(wal, 5);
        wal.Disk.Delete(WriteAheadLogTests.SegmentPath(3));
        wal.Disk.SetContent(WriteAheadLogTests.SegmentPath(4), wal.Disk.Content(WriteAheadLogTests.SegmentPath(2)));
        WalInspection.Inspect(wal.Disk, wal.Directory).Problems.Select(problem => problem.What).ShouldBe(
        [
            $"{WriteAheadLogTests.SegmentPath(1)} at 0: the segment header's checksum is wrong; nothing in this segment can be read",
            $"{WriteAheadLogTests.SegmentPath(2)} at 12288: a batch is missing or its checksum is wrong; LSN 5 cannot be read",
            $"{WriteAheadLogTests.SegmentPath(4)} at 0: the segment header says segment 2; nothing in this segment can be read",
        ]);
    }

    [Test]
    public void Missing_segments_and_those_of_others_are_named_behind_damage()
    {
        var wal = ThreeByThree();
        FlipEntry(wal, 1);
        wal.Disk.Delete(WriteAheadLogTests.SegmentPath(2));
        wal.Disk.FlipBit(WriteAheadLogTests.SegmentPath(4), 8, 4); // the version
        WalInspection.Inspect(wal.Disk, wal.Directory).Problems.Select(problem => problem.What).ShouldBe(
        [
            $"{WriteAheadLogTests.SegmentPath(1)} at 4096: a batch is missing or its checksum is wrong; LSN 1 cannot be read",
            $"{WriteAheadLogTests.SegmentPath(3)} at 0: segment 2, which comes before, is missing",
            $"{WriteAheadLogTests.SegmentPath(4)} at 0: {WriteAheadLogTests.SegmentPath(4)} has format version 17; this release knows version 1",
        ]);
    }

    /// <summary>The newest segment, of which nothing says where it ends: a batch behind a torn one says only what it knows to be durable.</summary>
    [Test]
    public void Damage_behind_damage_in_the_newest_segment_is_told_from_its_torn_end()
    {
        var wal = new WalHarness(7);
        wal.Open();
        for (ulong entry = 1; entry <= 6; entry++)
        {
            wal.Submit(WalHarness.Entry(1, 1, entry, new string('E', 3_000)));
            wal.Scheduler.RunUntilIdle();
        }

        foreach (var entry in (int[])[2, 4, 6]) wal.Disk.FlipBit(WriteAheadLogTests.SegmentPath(1), (entry * WalFormat.PageBytes) + 200, 1);
        WalInspection.Inspect(wal.Disk, wal.Directory).Problems.Select(problem => problem.What).ShouldBe(
        [
            $"{WriteAheadLogTests.SegmentPath(1)} at 8192: a batch is missing or its checksum is wrong; LSN 2 cannot be read",
            $"{WriteAheadLogTests.SegmentPath(1)} at 16384: a batch is missing or its checksum is wrong; LSN 4 cannot be read",
        ]);
    }

    /// <summary>Each flip is within one of the places that are told, recovery's own finding is the first, and a sound log has none.</summary>
    [Test]
    public void All_of_many_flips_are_named([Range(1, 60)] int seed)
    {
        var wal = ThreeByThree();
        var random = new Prng((ulong)seed);
        var flips = Enumerable.Range(0, 1 + random.Next(4)).Select(_ => 1 + random.Next(9)).Distinct().ToList();
        foreach (var entry in flips) FlipEntry(wal, entry);
        var problems = WalInspection.Inspect(wal.Disk, wal.Directory).Problems;
        var lost = problems.SelectMany(problem => LostBy(problem.What)).ToList();
        lost.Order().ShouldBe(flips.Order().Select(entry => (ulong)entry), $"seed {seed}");
        wal.Open();
        (problems[0].Path, problems[0].Offset).ShouldBe((wal.Report!.Damage!.Path, wal.Report.Damage.Offset));
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

    /// <summary>Segments 1 to 3 with three batches of one record each, entry i at LSN i, and an empty segment 4.</summary>
    private static WalHarness ThreeByThree()
    {
        var wal = new WalHarness(6);
        for (ulong entry = 1; entry <= 9; entry++)
        {
            if (entry % 3 == 1) wal.Open();
            wal.Submit(WalHarness.Entry(1, 1, entry, new string('E', 3_000)));
            wal.Scheduler.RunUntilIdle();
            if (entry % 3 == 0) wal.Log!.Stop();
        }

        wal.Open();
        wal.Log!.Stop();
        return wal;
    }

    /// <summary>A batch has a page of its own: in segment 1 from page 1, in the others, which begin with the state of the group, from page 2.</summary>
    private static void FlipEntry(WalHarness wal, int entry)
    {
        var segment = (entry + 2) / 3;
        var page = ((entry - 1) % 3) + (segment == 1 ? 1 : 2);
        wal.Disk.FlipBit(WriteAheadLogTests.SegmentPath((ulong)segment), (page * WalFormat.PageBytes) + 16 + (97 * entry), entry % 8);
    }

    private static IEnumerable<ulong> LostBy(string what)
    {
        var range = Regex.Match(what, @"LSN (\d+)(?: to (\d+))? cannot be read$");
        range.Success.ShouldBeTrue(what);
        var from = ulong.Parse(range.Groups[1].Value, CultureInfo.InvariantCulture);
        var to = range.Groups[2].Success ? ulong.Parse(range.Groups[2].Value, CultureInfo.InvariantCulture) : from;
        for (var lsn = from; lsn <= to; lsn++) yield return lsn;
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

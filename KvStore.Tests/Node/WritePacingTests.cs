using KvStore.Core.Node;
using KvStore.Core.Storage;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using KvStore.Tests.Simulation;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Node;

/// <summary>Nodes whose flushes are slower than their writers, in simulation.</summary>
[TestFixture]
internal sealed class WritePacingTests
{
    private const long NsPerMs = 1_000_000;
    private const int Writers = 16;

    // SimCluster's memtables may grow to a mebibyte before they are flushed, and to two before writes are refused.
    private const long MostMemTableBytes = 2 << 20;

    // Entries that were under way when a node was found to be full.
    private const long UnderWayBytes = 4 << 20;

    private static readonly NodeOptions NoBallast = SimCluster.SmallOptions with { MemTableBytes = 32 << 20, Storage = new StorageOptions { BallastBytes = 0 } };

    private static readonly string Value = new('v', 16 << 10);

    [Test]
    public void Writers_are_held_to_the_speed_of_the_flush_and_none_is_refused([Range(1, 2)] int seed)
    {
        using var cluster = new SimCluster((ulong)seed);
        cluster.World.RunUntil(cluster.EveryPartitionIsLed, 5_000 * NsPerMs).ShouldBeTrue();
        for (var node = 1; node <= 3; node++) cluster.SchedulerOf(node).LaneDelays["flush"] = 100 * NsPerMs;
        var (writes, longestMs) = Write(cluster, 8_000, node => node.Storage.ReadStatistics().MemTableBytes.ShouldBeLessThan(MostMemTableBytes + UnderWayBytes));
        writes.ShouldBeGreaterThan(100);
        longestMs.ShouldBeLessThan(1_500);
        cluster.Running.Sum(node => node.Counters.WriteStallNs).ShouldBeGreaterThan(0);
        cluster.Running.Sum(node => node.Counters.OverloadRejections).ShouldBe(0);
    }

    [Test]
    public void A_replica_that_cannot_flush_takes_no_more_and_catches_up_when_it_can([Range(1, 2)] int seed)
    {
        using var cluster = new SimCluster((ulong)seed);
        cluster.World.RunUntil(cluster.EveryPartitionIsLed, 5_000 * NsPerMs).ShouldBeTrue();
        cluster.SchedulerOf(3).LaneDelays["flush"] = 60_000 * NsPerMs;
        var (writes, _) = Write(cluster, 2_000, node => node.Storage.ReadStatistics().MemTableBytes.ShouldBeLessThan(MostMemTableBytes + UnderWayBytes), notLedBy: 3);
        (writes * (long)Value.Length).ShouldBeGreaterThan(4 * MostMemTableBytes);
        cluster.SchedulerOf(3).LaneDelays.Clear();
        cluster.World.RunUntil(() => IsLevel(cluster), 120_000 * NsPerMs).ShouldBeTrue(string.Join('\n', cluster.Timeline.TakeLast(30)));
    }

    [Test]
    public void On_a_full_disk_puts_are_refused_deletions_and_reads_go_on_and_puts_resume_by_themselves()
    {
        using var cluster = new SimCluster(1);
        cluster.World.RunUntil(cluster.EveryPartitionIsLed, 5_000 * NsPerMs).ShouldBeTrue();
        cluster.Await(cluster.Put(1, "there", "v")).Type.ShouldBe(FrameType.WriteReply);
        SetFreeSpace(128L << 20);
        foreach (var mode in (WriteMode[])[WriteMode.Strong, WriteMode.Fast])
        {
            var put = cluster.Await(cluster.Put(1, "there", "w", mode));
            put.Error.ShouldNotBeNull().Code.ShouldBe(KvError.DiskFull);
            put.Error!.Outcome.ShouldBe(Outcome.NotApplied);
            cluster.Await(cluster.Delete(1, "nothing", mode)).Type.ShouldBe(FrameType.WriteReply);
        }

        cluster.Await(cluster.Get(1, "there")).Value.ShouldBe("v");
        cluster.Await(cluster.Delete(1, "there")).Type.ShouldBe(FrameType.WriteReply);
        cluster.Await(cluster.Get(2, "there")).Value.ShouldBeNull();
        SetFreeSpace(32L << 20);
        cluster.Await(cluster.Delete(1, "there")).Error.ShouldNotBeNull().Code.ShouldBe(KvError.DiskFull);
        SetFreeSpace(1L << 30);
        cluster.Await(cluster.Put(1, "there", "again")).Type.ShouldBe(FrameType.WriteReply);

        void SetFreeSpace(long bytes)
        {
            for (var node = 1; node <= 3; node++) cluster.DiskOf(node).CapacityBytes = cluster.DiskOf(node).UsedBytes + bytes;
            cluster.World.RunFor(2_500 * NsPerMs);
        }
    }

    [Test]
    public void A_replica_whose_disk_others_have_filled_takes_no_more_than_its_log_has_room_for_and_catches_up([Range(1, 2)] int seed)
    {
        using var cluster = new SimCluster((ulong)seed, 3, 16, NoBallast);
        cluster.World.RunUntil(cluster.EveryPartitionIsLed, 5_000 * NsPerMs).ShouldBeTrue();
        var full = cluster[3];
        cluster.DiskOf(3).CapacityBytes = cluster.DiskOf(3).UsedBytes;
        cluster.World.RunFor(1_500 * NsPerMs);
        var (writes, _) = Write(cluster, 60, _ => { }, notLedBy: 3);
        (writes * (long)Value.Length).ShouldBeGreaterThan(4 * SimCluster.SmallOptions.WalSegmentBytes);
        cluster.IsUp(3).ShouldBeTrue(string.Join('\n', cluster.Timeline.TakeLast(30)));
        cluster.DiskOf(3).CapacityBytes = long.MaxValue;
        cluster.World.RunUntil(() => IsLevel(cluster), 120_000 * NsPerMs).ShouldBeTrue(string.Join('\n', cluster.Timeline.TakeLast(30)));
        cluster[3].ShouldBeSameAs(full);
    }

    [Test]
    public void Deletions_on_a_full_disk_leave_the_log_its_reserve([Range(1, 2)] int seed)
    {
        using var cluster = new SimCluster((ulong)seed, 3, 16, NoBallast);
        cluster.World.RunUntil(cluster.EveryPartitionIsLed, 5_000 * NsPerMs).ShouldBeTrue();
        for (var node = 1; node <= 3; node++) cluster.DiskOf(node).CapacityBytes = cluster.DiskOf(node).UsedBytes + (128L << 20);
        cluster.World.RunFor(1_500 * NsPerMs);
        var refused = 0;
        var taken = 0;
        for (var i = 0; i < 6_000; i++)
        {
            // What others take of the disk is noticed once a second; until then nothing but the log itself knows.
            for (var node = 1; node <= 3; node++) cluster.DiskOf(node).CapacityBytes = cluster.DiskOf(node).UsedBytes;
            var reply = cluster.Await(cluster.Delete(1 + (i % 3), new string('k', 1000) + i, WriteMode.Strong));
            if (reply.Type == FrameType.WriteReply) taken++;
            else if (reply.Error!.Code == KvError.DiskFull) refused++;
        }

        taken.ShouldBeGreaterThan(0);
        refused.ShouldBeGreaterThan(0);
        cluster.Running.Count().ShouldBe(3, string.Join('\n', cluster.Timeline.TakeLast(30)));
        for (var node = 1; node <= 3; node++) cluster.DiskOf(node).CapacityBytes = long.MaxValue;
        cluster.World.RunFor(2_500 * NsPerMs);
        cluster.Await(cluster.Put(1, "there", "again")).Type.ShouldBe(FrameType.WriteReply);
    }

    private static string Key(SimCluster cluster, int number, int notLedBy)
    {
        for (; ; number += 997)
        {
            var key = $"key {number}";
            if (cluster[1].LeaderOf(cluster.Topology.PartitionOf(System.Text.Encoding.UTF8.GetBytes(key))).Value != notLedBy) return key;
        }
    }

    private static bool IsLevel(SimCluster cluster) => Enumerable.Range(0, cluster.Topology.PartitionCount).All(p =>
        cluster.Running.Select(node => node.StatusOf(new((ushort)p))!.Read().Applied).Distinct().Count() == 1);

    /// <summary>Some writers, each with one write at a time, for a while.</summary>
    private static (int Writes, long LongestMs) Write(SimCluster cluster, long durationMs, Action<Core.Node.KvNode> check, int notLedBy = 0)
    {
        var end = cluster.World.NowNs + (durationMs * NsPerMs);
        var writes = 0;
        long longest = 0;
        var pending = new (SimReply? Reply, long Since)[Writers];
        while (cluster.World.NowNs < end)
        {
            for (var i = 0; i < Writers; i++)
            {
                if (pending[i].Reply is { } reply)
                {
                    if (!reply.IsDone) continue;
                    reply.Type.ShouldBe(FrameType.WriteReply, reply.ToString());
                    longest = Math.Max(longest, cluster.World.NowNs - pending[i].Since);
                    writes++;
                }

                pending[i] = (cluster.Put(1 + (i % 3), Key(cluster, (writes * 31) % 997, notLedBy), Value, i % 2 == 0 ? WriteMode.Strong : WriteMode.Fast), cluster.World.NowNs);
            }

            cluster.World.Step();
            if (cluster.World.Steps % 64 == 0) foreach (var node in cluster.Running) check(node);
        }

        return (writes, longest / NsPerMs);
    }
}

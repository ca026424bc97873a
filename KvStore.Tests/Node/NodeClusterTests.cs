using KvStore.Core.Primitives;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using KvStore.Tests.Simulation;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Node;

/// <summary>Whole nodes in simulation: the main path, failover, restart and catch-up.</summary>
[TestFixture]
internal sealed class NodeClusterTests
{
    [Test]
    public void Every_partition_gets_a_primary_and_answers()
    {
        using var cluster = new SimCluster(1);
        cluster.World.RunUntil(cluster.EveryPartitionIsLed, 5_000_000_000).ShouldBeTrue(string.Join('\n', cluster.Timeline));
        for (var node = 1; node <= 3; node++)
        {
            cluster.Await(cluster.Put(node, $"k{node}", "v")).Type.ShouldBe(FrameType.WriteReply);
            cluster.Await(cluster.Put(node, $"f{node}", "v", WriteMode.Fast)).Type.ShouldBe(FrameType.WriteReply);
            for (var reader = 1; reader <= 3; reader++)
            {
                cluster.Await(cluster.Get(reader, $"k{node}")).Value.ShouldBe("v");
                cluster.Await(cluster.Get(reader, $"f{node}")).Value.ShouldBe("v");
            }
        }
    }

    [Test]
    public void After_a_power_cut_of_one_node_the_others_take_over_within_two_seconds([Range(1, 5)] int seed)
    {
        using var cluster = new SimCluster((ulong)seed);
        cluster.World.RunUntil(cluster.EveryPartitionIsLed, 5_000_000_000).ShouldBeTrue();
        for (var i = 0; i < 50; i++) cluster.Await(cluster.Put(1, $"k{i}", $"v{i}")).Type.ShouldBe(FrameType.WriteReply);
        cluster.Crash(1);
        var killed = cluster.World.NowNs;
        for (var i = 0; i < 50; i++) cluster.Await(cluster.Put(2, $"k{i}", $"w{i}")).Type.ShouldBe(FrameType.WriteReply);
        (cluster.World.NowNs - killed).ShouldBeLessThan(2_000_000_000);

        cluster.Restart(1);
        cluster.World.RunUntil(cluster.EveryPartitionIsLed, 20_000_000_000).ShouldBeTrue(string.Join('\n', cluster.Timeline));
        for (var i = 0; i < 50; i++) cluster.Await(cluster.Get(1, $"k{i}")).Value.ShouldBe($"w{i}");
    }

    [Test]
    public void After_a_power_cut_of_all_three_everything_acknowledged_is_there([Range(1, 5)] int seed)
    {
        using var cluster = new SimCluster((ulong)seed);
        cluster.World.RunUntil(cluster.EveryPartitionIsLed, 5_000_000_000).ShouldBeTrue();
        for (var i = 0; i < 100; i++)
            cluster.Await(cluster.Put(1 + (i % 3), $"k{i}", $"v{i}", i % 2 == 0 ? WriteMode.Strong : WriteMode.Fast)).Type.ShouldBe(FrameType.WriteReply);
        for (var node = 1; node <= 3; node++) cluster.Crash(node);
        for (var node = 1; node <= 3; node++) cluster.Restart(node);
        cluster.World.RunUntil(cluster.EveryPartitionIsLed, 10_000_000_000).ShouldBeTrue(string.Join('\n', cluster.Timeline));
        var missing = 0;
        for (var i = 0; i < 100; i++)
        {
            var value = cluster.Await(cluster.Get(1 + (i % 3), $"k{i}")).Value;
            if (i % 2 == 1 && value is null) missing++;
            else value.ShouldBe($"v{i}");
        }

        // A fast write that only its primary held may lose against a new primary's log, but never without a trace.
        missing.ShouldBe((int)cluster.Running.Sum(n => n.Counters.FastWritesCut), string.Join('\n', cluster.Timeline));
        missing.ShouldBeLessThanOrEqualTo(1);
    }

    [Test]
    public void Without_a_majority_strong_writes_are_refused_and_say_so()
    {
        using var cluster = new SimCluster(7);
        cluster.World.RunUntil(cluster.EveryPartitionIsLed, 5_000_000_000).ShouldBeTrue();
        cluster.Await(cluster.Put(1, "k", "v"));
        cluster.World.RunFor(1_000_000_000);
        cluster.Crash(2);
        cluster.Crash(3);
        cluster.World.RunFor(3_000_000_000);
        var refused = cluster.Await(cluster.Put(1, "k", "w", timeoutMs: 1000));
        refused.Error!.Code.ShouldBe(KvError.NoQuorum);
        refused.Error.Outcome.ShouldBe(Outcome.NotApplied);
        cluster.Await(cluster.Get(1, "k")).Error!.Code.ShouldBe(KvError.NoQuorum);
        var local = cluster.Await(cluster.Get(1, "k", ReadConsistency.Local));
        local.Value.ShouldBe("v");
        GetReply.DecodeSingle(local.Body).Detached.ShouldBeTrue();
    }

    [Test]
    public void A_replica_behind_the_retained_log_catches_up_by_snapshot()
    {
        using var cluster = new SimCluster(11);
        cluster.World.RunUntil(cluster.EveryPartitionIsLed, 5_000_000_000).ShouldBeTrue();
        cluster.Crash(3);
        cluster.World.RunFor(2_500_000_000);
        var value = new string('x', 20_000);
        for (var i = 0; i < 1_000; i++)
            cluster.Await(cluster.Put(1, $"k{i % 200}", $"{i} {value}")).Type.ShouldBe(FrameType.WriteReply, string.Join('\n', cluster.Timeline));
        cluster.Restart(3);
        cluster.World.RunUntil(() => Differences(cluster) == 0, 120_000_000_000).ShouldBeTrue(
            $"{Differences(cluster)} keys differ\n" + string.Join('\n', cluster.Timeline));
        cluster[3].Counters.SnapshotsInstalled.ShouldBeGreaterThan(0);
    }

    [Test]
    public void A_node_that_hands_over_is_given_nothing_back()
    {
        using var cluster = new SimCluster(21);
        cluster.World.RunUntil(cluster.EveryPartitionIsLed, 5_000_000_000).ShouldBeTrue();
        cluster.World.RunFor(12_000_000_000);
        cluster[1].PrimaryCount.ShouldBeGreaterThan(0);
        for (var i = 0; i < 20 && cluster[1].HandOver(); i++) cluster.World.RunFor(50_000_000);
        cluster[1].PrimaryCount.ShouldBe(0);
        cluster.World.RunFor(5_000_000_000);
        cluster[1].PrimaryCount.ShouldBe(0);
    }

    [Test]
    public void A_time_to_live_counts_from_the_write_also_after_the_clock_ran_back()
    {
        using var cluster = new SimCluster(22);
        cluster.World.RunUntil(cluster.EveryPartitionIsLed, 5_000_000_000).ShouldBeTrue();
        cluster.Await(cluster.Put(1, "k", "v")).Type.ShouldBe(FrameType.WriteReply);
        for (var node = 1; node <= 3; node++) cluster.ClockOf(node).WallOffsetMs -= 5_000;
        using var body = new FrameBuffer();
        WriteRequest.Encode(body, WriteMode.Strong, WriteKind.Put, "k"u8, "w"u8, ttlMs: 2_000);
        cluster.Await(cluster.Send(1, FrameType.Write, body.Written.ToArray())).Type.ShouldBe(FrameType.WriteReply);
        cluster.Await(cluster.Get(1, "k")).Value.ShouldBe("w");
        cluster.World.RunFor(8_000_000_000);
        cluster.Await(cluster.Get(1, "k")).Value.ShouldBeNull();
    }

    [Test]
    public void Fast_writes_that_a_snapshot_replaces_are_counted_and_no_longer_shown()
    {
        const int FastWrites = 200;
        using var cluster = new SimCluster(23);
        cluster.World.RunUntil(cluster.EveryPartitionIsLed, 5_000_000_000).ShouldBeTrue();
        var tag = Enumerable.Range(0, 100).Select(i => $"{{t{i}}}").First(
            t => cluster[1].LeaderOf(cluster.Topology.PartitionOf(System.Text.Encoding.UTF8.GetBytes(t))) == new NodeId(1));
        cluster.Network.Cut(new NodeId(1), new NodeId(2));
        cluster.Network.Cut(new NodeId(1), new NodeId(3));
        for (var i = 0; i < FastWrites; i++)
            cluster.Await(cluster.Put(1, $"{tag}{i}", "cut", WriteMode.Fast)).Type.ShouldBe(FrameType.WriteReply);
        cluster.World.RunFor(2_500_000_000);
        var value = new string('x', 20_000);
        cluster.Await(cluster.Put(2, $"{tag}0", "kept")).Type.ShouldBe(FrameType.WriteReply);
        for (var i = 0; i < 1_000; i++) cluster.Await(cluster.Put(2, $"k{i % 200}", $"{i} {value}")).Type.ShouldBe(FrameType.WriteReply);
        cluster.Network.Heal();
        cluster.World.RunUntil(
            () => cluster.Await(cluster.Get(1, $"{tag}0", ReadConsistency.Local)).Value == "kept", 60_000_000_000).ShouldBeTrue(string.Join('\n', cluster.Timeline));

        // The state is replaced a moment before the log is.
        cluster.World.RunFor(1_000_000_000);
        cluster[1].Counters.SnapshotsInstalled.ShouldBeGreaterThan(0);

        // The first key was written again: what became of its fast write makes no difference any more.
        cluster[1].Counters.FastWritesCut.ShouldBe(FastWrites - 1);
        cluster.Await(cluster.Get(1, $"{tag}{FastWrites - 1}", ReadConsistency.Local)).Value.ShouldBeNull();
    }

    /// <summary>Keys that node 3 does not hold as node 1 does.</summary>
    private static int Differences(SimCluster cluster)
    {
        var different = 0;
        for (var i = 0; i < 200; i++)
        {
            var key = System.Text.Encoding.UTF8.GetBytes($"k{i}");
            var partition = cluster.Topology.PartitionOf(key);
            using var left = cluster[1].StoreOf(partition)!.Pin();
            using var right = cluster[3].StoreOf(partition)!.Pin();
            var found = left.TryGet(key, false, out var a, out var valueA);
            if (right.TryGet(key, false, out var b, out var valueB) != found || a != b || !valueA.SequenceEqual(valueB)) different++;
        }

        return different;
    }
}

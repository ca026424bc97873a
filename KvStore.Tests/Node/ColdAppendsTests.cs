using KvStore.Core.Primitives;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using KvStore.Tests.Simulation;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Node;

/// <summary>A follower returns that lacks entries which only the log on disk has.</summary>
[TestFixture]
internal sealed class ColdAppendsTests
{
    private const long Second = 1_000_000_000;
    private const int InputOutputError = 5;
    private const string Key = "key";

    [Test]
    public void A_disk_that_does_not_answer_holds_up_the_follower_and_not_the_shard()
    {
        using var cluster = WithFollowerBehind(1, out var leader, out var behind);
        cluster.SchedulerOf(leader).IsHeld = name => name.StartsWith("log-reads", StringComparison.Ordinal);
        cluster.Restart(behind);
        for (var i = 0; i < 50; i++)
        {
            cluster.World.RunFor(Second / 20);
            cluster.Await(cluster.Put(leader, Key, $"{i}"), 100).Type.ShouldBe(FrameType.WriteReply);
        }

        Applied(cluster, behind).ShouldBeLessThan(Applied(cluster, leader));
        cluster.SchedulerOf(leader).IsHeld = _ => false;
        cluster.World.RunUntil(() => Applied(cluster, behind) == Applied(cluster, leader), 10 * Second).ShouldBeTrue(string.Join('\n', cluster.Timeline));
        cluster[behind].Counters.SnapshotsInstalled.ShouldBe(0);
    }

    [Test]
    public void While_it_catches_up_writes_go_on_and_reach_it_in_order()
    {
        using var cluster = WithFollowerBehind(2, out var leader, out var behind);
        cluster.Restart(behind);
        for (var i = 0; i < 200; i++)
        {
            cluster.World.RunFor(Second / 500);
            cluster.Await(cluster.Put(leader, Key, $"{i}"), 100).Type.ShouldBe(FrameType.WriteReply);
        }

        cluster.World.RunUntil(() => Applied(cluster, behind) == Applied(cluster, leader), 10 * Second).ShouldBeTrue(string.Join('\n', cluster.Timeline));
        cluster.Await(cluster.Get(behind, Key, ReadConsistency.Local)).Value.ShouldBe("199");
        cluster[behind].Counters.SnapshotsInstalled.ShouldBe(0);
    }

    [Test]
    public void An_entry_that_cannot_be_read_costs_a_snapshot_and_not_the_node()
    {
        using var cluster = WithFollowerBehind(3, out var leader, out var behind);
        cluster.DiskOf(leader).Fault = (call, _, path) => call == DiskCall.Read && path.EndsWith(".wal", StringComparison.Ordinal) ? InputOutputError : 0;
        cluster.Restart(behind);
        cluster.World.RunUntil(() => Applied(cluster, behind) == Applied(cluster, leader), 30 * Second).ShouldBeTrue(string.Join('\n', cluster.Timeline));
        cluster.IsUp(leader).ShouldBeTrue();
        cluster[behind].Counters.SnapshotsInstalled.ShouldBe(1);
    }

    private static LogIndex Applied(SimCluster cluster, int node) => cluster[node].StatusOf(cluster.PartitionOf(Key))!.Read().Applied;

    /// <summary>More than a leader keeps in memory for followers, less than the log keeps for them.</summary>
    private static SimCluster WithFollowerBehind(ulong seed, out int leader, out int behind)
    {
        var cluster = new SimCluster(seed, 3, 16, SimCluster.SmallOptions with { WalRetentionBytes = 64 << 20, MemTableBytes = 64 << 20, BlockCacheBytes = 8 << 20 });
        cluster.World.RunUntil(cluster.EveryPartitionIsLed, 5 * Second).ShouldBeTrue();
        cluster.World.RunFor(12 * Second);
        var first = leader = cluster.LeaderOf(Key);
        behind = Enumerable.Range(1, 3).First(n => n != first);
        cluster.Crash(behind);
        var value = new string('x', 100_000);
        for (var i = 0; i < 80; i++) cluster.Await(cluster.Put(leader, $"{{{Key}}}{i}", value)).Type.ShouldBe(FrameType.WriteReply);
        cluster.World.RunFor(2 * Second);
        cluster.LeaderOf(Key).ShouldBe(leader);
        return cluster;
    }
}

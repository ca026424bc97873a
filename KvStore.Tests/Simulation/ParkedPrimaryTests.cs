using System.Text;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Simulation;

/// <summary>
/// A replica becomes primary while it waits for its disk before it can apply what an earlier primary acknowledged: until it has, its
/// local answers are as old as they were.
/// </summary>
[TestFixture]
internal sealed class ParkedPrimaryTests
{
    private const long Second = 1_000_000_000;
    private const string Key = "key";

    [Test]
    public void Reports_the_age_of_what_it_has_and_answers_no_read_that_wants_more([Range(1, 4)] int seed)
    {
        using var cluster = new SimCluster((ulong)seed, blockCacheBytes: 0);
        cluster.World.RunUntil(cluster.EveryPartitionIsLed, 5 * Second).ShouldBeTrue();
        cluster.World.RunFor(12 * Second);
        var first = cluster.LeaderOf(Key);
        var old = cluster.Await(cluster.Put(first, Key, "old")).Written.Revision;
        cluster.World.RunFor(Second);
        Flush(cluster);
        foreach (var other in Enumerable.Range(1, 3).Where(n => n != first))
            cluster.SchedulerOf(other).IsHeld = name => name.StartsWith("cold-reads", StringComparison.Ordinal);
        var changed = cluster.Await(cluster.Put(first, Key, "new", condition: WriteCondition.IfRevision(old))).Written.Revision;
        var changedNs = cluster.World.NowNs;
        cluster.World.RunFor(Second / 5);

        cluster.Crash(first);
        cluster.World.RunUntil(() => cluster.Running.Any(n => n.StatusOf(cluster.PartitionOf(Key))!.Read().Role == RaftRole.Leader), 10 * Second).ShouldBeTrue();
        var second = cluster.LeaderOf(Key);
        cluster.World.RunFor(Second);
        cluster[second].StatusOf(cluster.PartitionOf(Key))!.Read().Role.ShouldBe(RaftRole.Leader);
        var read = GetReply.DecodeSingle(cluster.Await(cluster.Get(second, Key, ReadConsistency.Local)).Body);
        Encoding.UTF8.GetString(read.Value.Span).ShouldBe("old");
        if (read.StalenessMs is { } bound) ((long)bound).ShouldBeGreaterThanOrEqualTo((cluster.World.NowNs - changedNs) / 1_000_000);

        // A fast write of this primary is newer than the change, and says nothing of it.
        cluster.Await(cluster.Put(second, $"{{{Key}}}fast", "f", WriteMode.Fast)).Type.ShouldBe(FrameType.WriteReply);
        var wanting = AtLeast(cluster, second, changed);
        cluster.World.RunFor(Second);
        wanting.IsDone.ShouldBeFalse(wanting.Value);
        foreach (var node in cluster.Running) cluster.SchedulerOf(node.Self.Value).IsHeld = _ => false;
        cluster.Await(wanting).Value.ShouldBe("new");
        cluster.World.RunFor(Second / 2);
        GetReply.DecodeSingle(cluster.Await(cluster.Get(second, Key, ReadConsistency.Local)).Body).StalenessMs!.Value.ShouldBeLessThan(300ul);
    }

    private static SimReply AtLeast(SimCluster cluster, int node, WireRevision revision)
    {
        using var body = new FrameBuffer();
        GetRequest.Encode(body, ReadConsistency.Local, Encoding.UTF8.GetBytes(Key), revision);
        return cluster.Send(node, FrameType.Get, body.Written.ToArray(), 30_000);
    }

    private static void Flush(SimCluster cluster)
    {
        foreach (var node in cluster.Running) node.Storage.RequestFlush();
        cluster.World.RunUntil(() => cluster.Running.All(n => n.StoreOf(cluster.PartitionOf(Key))! is { } s && s.Durable == s.Applied), 5 * Second).ShouldBeTrue();
    }
}

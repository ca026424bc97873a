using System.Text;
using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Simulation;

/// <summary>A primary is cut off, and another takes over: the first does not know it yet, and goes on to acknowledge fast writes.</summary>
[TestFixture]
internal sealed class DeposedPrimaryTests
{
    private const long Millisecond = 1_000_000;
    private const string Key = "key";

    [Test]
    public void Steps_down_as_soon_as_the_others_take_over_and_refuses_what_it_cannot_do([Range(1, 3)] int seed)
    {
        using var cluster = new SimCluster((ulong)seed);
        cluster.World.RunUntil(cluster.EveryPartitionIsLed, 5_000 * Millisecond).ShouldBeTrue();
        cluster.World.RunFor(12_000 * Millisecond);
        var first = cluster.LeaderOf(Key);
        foreach (var other in Enumerable.Range(1, 3).Where(n => n != first)) cluster.Network.Cut(new NodeId((ushort)first), new NodeId((ushort)other));
        cluster.World.RunUntil(() => !Leads(cluster, first), 1_200 * Millisecond).ShouldBeTrue();
        var write = cluster.Put(first, Key, "value", timeoutMs: 10_000);
        cluster.World.RunFor(400 * Millisecond);
        var refusal = write.Error.ShouldNotBeNull();
        (refusal.Code, refusal.Outcome, refusal.Retryable).ShouldBe((KvError.NoQuorum, Outcome.NotApplied, true));
    }

    [Test]
    public void Does_not_take_its_own_entries_for_those_of_its_successor([Range(1, 3)] int seed)
    {
        using var cluster = new SimCluster((ulong)seed);
        cluster.World.RunUntil(cluster.EveryPartitionIsLed, 5_000 * Millisecond).ShouldBeTrue();
        cluster.World.RunFor(12_000 * Millisecond);
        var first = cluster.LeaderOf(Key);
        cluster.Await(cluster.Put(first, Key, "old"));
        var others = Enumerable.Range(1, 3).Where(n => n != first).ToList();

        // By a slow clock it takes longer than theirs until it notices.
        cluster.ClockOf(first).DriftPpm = -500_000;
        foreach (var other in others) cluster.Network.Cut(new NodeId((ushort)first), new NodeId((ushort)other));
        cluster.World.RunUntil(() => others.Any(n => Leads(cluster, n)), 10_000 * Millisecond).ShouldBeTrue();
        var changed = cluster.Await(cluster.Put(others.First(n => Leads(cluster, n)), Key, "new")).Written.Revision;

        var acknowledged = WireRevision.None;
        for (var i = 0; acknowledged.Index <= changed.Index; i++)
        {
            Leads(cluster, first).ShouldBeTrue("it has not noticed");
            acknowledged = cluster.Await(cluster.Put(first, $"{{{Key}}}{i}", "f", WriteMode.Fast)).Written.Revision;
        }

        acknowledged.Term.ShouldBeLessThan(changed.Term);
        using var body = new FrameBuffer();
        GetRequest.Encode(body, ReadConsistency.Local, Encoding.UTF8.GetBytes(Key), changed);
        var read = cluster.Send(first, FrameType.Get, body.Written.ToArray(), 30_000);
        cluster.World.RunFor(50 * Millisecond);
        read.IsDone.ShouldBeFalse(read.Value);
        cluster.Network.Heal();
        cluster.Await(read).Value.ShouldBe("new");
    }

    [Test]
    public void Names_itself_as_holder_of_a_write_that_its_successor_committed([Range(1, 3)] int seed)
    {
        using var cluster = new SimCluster((ulong)seed);
        cluster.World.RunUntil(cluster.EveryPartitionIsLed, 5_000 * Millisecond).ShouldBeTrue();
        cluster.World.RunFor(12_000 * Millisecond);
        var first = cluster.LeaderOf(Key);
        cluster.Network.IsLost = (_, to, type) => to.Value == first && type == PeerFrame.Raft;
        var write = cluster.Put(first, Key, "value", timeoutMs: 30_000);
        cluster.World.RunFor(20 * Millisecond);
        write.IsDone.ShouldBeFalse();
        var others = Enumerable.Range(1, 3).Where(n => n != first).ToList();
        foreach (var other in others) cluster.Network.Cut(new NodeId((ushort)first), new NodeId((ushort)other));
        cluster.World.RunUntil(() => others.Any(n => Leads(cluster, n)), 10_000 * Millisecond).ShouldBeTrue();
        cluster.World.RunFor(100 * Millisecond);
        cluster.Network.IsLost = (_, _, _) => false;
        cluster.Network.Heal();
        cluster.Await(write).Type.ShouldBe(FrameType.WriteReply, write.ToString());
        write.Written.AckedBy.ToArray().ShouldBe([(ushort)first]);
    }

    private static bool Leads(SimCluster cluster, int node) => cluster[node].StatusOf(cluster.PartitionOf(Key))!.Read().Role == RaftRole.Leader;
}

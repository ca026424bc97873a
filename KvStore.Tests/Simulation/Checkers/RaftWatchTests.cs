using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>The watches have nothing to say of one cluster, and much of two that pretend to be one.</summary>
[TestFixture]
internal sealed class RaftWatchTests
{
    private const long Second = 1_000_000_000;

    [Test]
    public void A_cluster_at_work_is_right()
    {
        using var cluster = Started(1);
        var watch = new RaftWatch();
        for (var i = 0; i < 20; i++)
        {
            cluster.Await(cluster.Put(1 + (i % 3), $"k{i}", $"{i}", i % 2 == 0 ? KvStore.Protocol.Messages.WriteMode.Fast : KvStore.Protocol.Messages.WriteMode.Strong));
            watch.Look(cluster.Running).ShouldBeEmpty();
        }
    }

    [Test]
    public void Another_state_at_an_index_and_another_leader_of_a_term_are_seen()
    {
        using var one = Started(1);
        using var other = Started(2);
        one.Await(one.Put(1, "k", "a"));
        other.Await(other.Put(1, "k", "b"));
        one.World.RunFor(Second);
        other.World.RunFor(Second);
        var watch = new RaftWatch();
        watch.Look(one.Running).ShouldBeEmpty();
        watch.Look(other.Running).ShouldContain(problem => problem.Contains("was applied before"));
    }

    [Test]
    public void What_one_replica_has_committed_is_committed_even_when_its_node_is_gone()
    {
        using var cluster = Started(1);
        cluster.Await(cluster.Put(1, "k", "a"));
        var partition = cluster.PartitionOf("k");
        var commit = cluster.Running.Max(node => node.Replicas.First(r => r.Id == partition).Raft.Commit.Value);
        var watch = new RaftWatch();
        watch.HasCommitted(cluster.Running, partition, new LogIndex(commit)).ShouldBeTrue();
        watch.HasCommitted([], partition, new LogIndex(commit)).ShouldBeFalse("it has not looked");
        watch.Look(cluster.Running).ShouldBeEmpty();
        watch.HasCommitted([], partition, new LogIndex(commit)).ShouldBeTrue();
        watch.HasCommitted(cluster.Running, partition, new LogIndex(commit + 1)).ShouldBeFalse();
    }

    [Test]
    public void What_goes_back_is_seen()
    {
        using var late = Started(1);
        for (var i = 0; i < 5; i++) late.Await(late.Put(1, "k", $"{i}"));
        using var early = Started(1);
        var watch = new RaftWatch();
        watch.Look(late.Running).ShouldBeEmpty();
        watch.Look(early.Running).ShouldContain(problem => problem.Contains("went back"));
    }

    [Test]
    public void A_node_that_starts_without_what_it_told_is_seen()
    {
        using var cluster = Started(1);
        var replica = cluster[1].Replicas.First();
        var term = replica.Raft.Term;
        ShouldMiss(cluster, replica, new RaftMessage { Type = RaftMessageType.ReadConfirmReply, Term = term.Next }, "it told term");
        ShouldMiss(cluster, replica, new RaftMessage { Type = RaftMessageType.AppendReply, Term = term, Index = replica.Raft.Log.LastIndex.Next }, "it acknowledged entries");
        ShouldMiss(cluster, replica, new RaftMessage { Type = RaftMessageType.VoteReply, Term = term, To = new ReplicaId(77) }, "it voted for");
    }

    private static void ShouldMiss(SimCluster cluster, Partition replica, RaftMessage told, string problem)
    {
        var watch = new PromiseWatch(new AcknowledgedEntries());
        var frame = new ByteBuffer();
        RaftBatch.End(frame, RaftBatch.Begin(frame, replica.Id, told with { From = replica.Raft.Self }));
        watch.OnSent(1, new NodeId(1), PeerFrame.Raft, frame.Written);
        watch.Look(cluster.Running).ShouldHaveSingleItem().ShouldContain(problem);
    }

    private static SimCluster Started(ulong seed)
    {
        var cluster = new SimCluster(seed);
        cluster.World.RunUntil(cluster.EveryPartitionIsLed, 5 * Second).ShouldBeTrue();
        return cluster;
    }
}

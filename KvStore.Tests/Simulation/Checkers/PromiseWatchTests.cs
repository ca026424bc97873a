using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Simulation.Checkers;

[TestFixture]
internal sealed class PromiseWatchTests
{
    private static readonly PartitionId Partition = new(3);
    private static readonly NodeId Voter = new(1);

    [Test]
    public void One_vote_in_a_term_is_kept_to_however_often_it_is_told()
    {
        var watch = new PromiseWatch(new AcknowledgedEntries());
        Say(watch, Vote(5, to: 2));
        Say(watch, Vote(5, to: 2));
        Say(watch, Vote(6, to: 3));
        watch.Look([]).ShouldBeEmpty();
    }

    [Test]
    public void Two_votes_in_a_term_are_a_contradiction()
    {
        var watch = new PromiseWatch(new AcknowledgedEntries());
        Say(watch, Vote(5, to: 2));
        Say(watch, Vote(5, to: 3));
        watch.Look([]).ShouldHaveSingleItem().ShouldContain("term 5");
        watch.Look([]).ShouldBeEmpty("it is told once");
    }

    [Test]
    public void A_candidate_has_voted_for_itself()
    {
        var watch = new PromiseWatch(new AcknowledgedEntries());
        Say(watch, new RaftMessage { Type = RaftMessageType.Vote, From = new ReplicaId(1), To = new ReplicaId(2), Term = new Term(5) });
        Say(watch, Vote(5, to: 3));
        watch.Look([]).ShouldHaveSingleItem();
    }

    [Test]
    public void A_refused_vote_and_a_pre_vote_promise_nothing()
    {
        var watch = new PromiseWatch(new AcknowledgedEntries());
        Say(watch, Vote(5, to: 2));
        Say(watch, Vote(5, to: 3) with { Reject = RejectReason.AlreadyVoted });
        Say(watch, Vote(5, to: 3) with { Type = RaftMessageType.PreVoteReply });
        watch.Look([]).ShouldBeEmpty();
    }

    [Test]
    public void What_a_follower_acknowledges_is_noted_with_its_time()
    {
        var entries = new AcknowledgedEntries();
        var watch = new PromiseWatch(entries);
        Say(watch, Acknowledge(10), nowNs: 100);
        Say(watch, Acknowledge(12), nowNs: 200);
        Say(watch, Acknowledge(20) with { Reject = RejectReason.LogMismatch }, nowNs: 300);
        entries.HadTold(3, 1, new RecordVersion(1, 10), 100).ShouldBeTrue();
        entries.HadTold(3, 1, new RecordVersion(1, 9), 150).ShouldBeTrue();
        entries.HadTold(3, 1, new RecordVersion(1, 10), 99).ShouldBeFalse();
        entries.HadTold(3, 1, new RecordVersion(1, 11), 199).ShouldBeFalse();
        entries.HadTold(3, 1, new RecordVersion(1, 11), 200).ShouldBeTrue();
        entries.HadTold(3, 1, new RecordVersion(1, 13), 400).ShouldBeFalse();
        entries.HadTold(3, 1, new RecordVersion(0, 12), 400).ShouldBeTrue();
        entries.HadTold(3, 1, new RecordVersion(2, 11), 400).ShouldBeFalse("what it told before may have been cut");
        entries.HadTold(3, 2, new RecordVersion(1, 1), 400).ShouldBeFalse();
    }

    [Test]
    public void An_answer_names_only_those_who_have_told_that_they_hold_the_write()
    {
        var entries = new AcknowledgedEntries();
        var check = new AckedByCheck(entries);
        var history = new HandHistory().Write("k", "a", "5", 0, 10).Build();
        check.Check(history).ShouldHaveSingleItem().ShouldContain("n2");
        entries.Add(new PartitionId(0), new NodeId(2), new Term(1), new LogIndex(5), 9_000_000);
        check.Check(history).ShouldBeEmpty();
    }

    private static RaftMessage Vote(ulong term, ulong to) =>
        new() { Type = RaftMessageType.VoteReply, From = new ReplicaId(1), To = new ReplicaId(to), Term = new Term(term) };

    private static RaftMessage Acknowledge(ulong index) =>
        new() { Type = RaftMessageType.AppendReply, From = new ReplicaId(1), To = new ReplicaId(2), Term = new Term(1), Index = new LogIndex(index) };

    private static void Say(PromiseWatch watch, in RaftMessage message, long nowNs = 1)
    {
        var frame = new ByteBuffer();
        RaftBatch.End(frame, RaftBatch.Begin(frame, Partition, message));
        watch.OnSent(nowNs, Voter, PeerFrame.Raft, frame.Written);
    }
}

using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Raft;

/// <summary>What the Raft paper and Ongaro's thesis promise, section by section. Figure 8 and others are golden scripts.</summary>
public sealed class RaftPaperTests
{
    private RaftScript _group = new();

    [SetUp]
    public void Elect_1_of_3()
    {
        _group = new RaftScript();
        _group.RunAll("add-nodes 3\ncampaign 1\nstabilize");
        _group[1].Node.Role.ShouldBe(RaftRole.Leader);
    }

    [Test]
    public void Section_5_1_A_higher_term_in_any_reply_ends_leadership()
    {
        Step(1, new RaftMessage { Type = RaftMessageType.AppendReply, From = Id(3), To = Id(1), Term = new Term(7), Index = new LogIndex(1) });
        _group[1].Node.Role.ShouldBe(RaftRole.Follower);
        _group[1].Node.Term.ShouldBe(new Term(7));
        _group[1].Node.HardState.Vote.ShouldBe(ReplicaId.None);
    }

    [TestCase(RaftMessageType.Append)]
    [TestCase(RaftMessageType.ReadConfirm)]
    public void Section_5_1_A_leader_of_an_old_term_is_told_the_new_one(RaftMessageType type)
    {
        _group.RunAll("campaign 2\ndeliver to=1 drop=9\nstabilize 2 3");
        Step(3, new RaftMessage { Type = type, From = Id(1), To = Id(3), Term = new Term(1), Index = new LogIndex(1), LogTerm = new Term(1) });
        var reply = _group.Network[^1].Message;
        reply.Type.ShouldBe(RaftMessageType.AppendReply);
        reply.Term.ShouldBe(new Term(2));
        reply.Reject.ShouldBe(RejectReason.LogMismatch);
    }

    [Test]
    public void Section_5_2_One_vote_a_term_also_after_a_crash()
    {
        Vote(3, from: 2, term: 5).ShouldBe(RejectReason.None);
        Vote(3, from: 1, term: 5).ShouldBe(RejectReason.AlreadyVoted);
        _group.Run("durable 3");
        _group.Run("crash 3");
        Vote(3, from: 1, term: 5).ShouldBe(RejectReason.AlreadyVoted);
        Vote(3, from: 2, term: 5).ShouldBe(RejectReason.None);
    }

    [Test]
    public void Section_5_2_A_candidate_follows_the_leader_of_its_term()
    {
        _group.RunAll("transfer 1 2\ndeliver to=2\ndeliver drop=9\ndurable 2");
        _group[2].Node.Role.ShouldBe(RaftRole.Candidate);
        Step(2, new RaftMessage { Type = RaftMessageType.Append, From = Id(3), To = Id(2), Term = new Term(2), Index = new LogIndex(1), LogTerm = new Term(1) });
        _group[2].Node.Role.ShouldBe(RaftRole.Follower);
        _group[2].Node.Leader.ShouldBe(Id(3));
    }

    // Figure 7: the leader of term 8 has terms 1 1 1 4 4 5 5 6 6 6.
    [TestCase("1114455 66", TestName = "Section 5.3, figure 7 (a): entries missing")]
    [TestCase("1114", TestName = "Section 5.3, figure 7 (b): more entries missing")]
    [TestCase("11144556666", TestName = "Section 5.3, figure 7 (c): an entry too many")]
    [TestCase("111445566677", TestName = "Section 5.3, figure 7 (d): entries of a later term")]
    [TestCase("1114444", TestName = "Section 5.3, figure 7 (e): another tail")]
    [TestCase("11122233333", TestName = "Section 5.3, figure 7 (f): two terms of its own")]
    public void Section_5_3_Every_log_is_brought_to_equal_the_leaders(string terms)
    {
        var leader = Node(1, "1114455666", term: 7);
        var follower = Node(2, terms.Replace(" ", ""), term: 7);
        var ready = new RaftReady();
        leader.Campaign(0, transfer: true);
        leader.TakeReady(ready);
        leader.Step(new RaftMessage { Type = RaftMessageType.VoteReply, From = Id(3), To = Id(1), Term = new Term(8), Context = 8 }, [], 0);
        leader.OnHardStateDurable(new Term(8));
        var refusals = Feed(leader, follower, ready);
        follower.Log.LastIndex.ShouldBe(leader.Log.LastIndex);
        for (var index = new LogIndex(1); index <= leader.Log.LastIndex; index = index.Next)
            follower.Log.TermAt(index).ShouldBe(leader.Log.TermAt(index));

        // Terms are skipped whole: one refusal for each term that parts the logs, not one for each entry.
        refusals.ShouldBeLessThanOrEqualTo(2);
    }

    [TestCase(1UL, 9UL, ExpectedResult = RejectReason.LogBehind, Description = "older last term, however long")]
    [TestCase(2UL, 3UL, ExpectedResult = RejectReason.LogBehind, Description = "same last term, shorter")]
    [TestCase(2UL, 4UL, ExpectedResult = RejectReason.None, Description = "equal")]
    [TestCase(2UL, 5UL, ExpectedResult = RejectReason.None, Description = "longer")]
    [TestCase(3UL, 1UL, ExpectedResult = RejectReason.None, Description = "later last term, however short")]
    public RejectReason Section_5_4_1_A_vote_goes_to_logs_at_least_as_new(ulong lastTerm, ulong lastIndex)
    {
        var node = Node(1, "1122", term: 3);
        var ready = new RaftReady();
        node.Step(
            new RaftMessage
            {
                Type = RaftMessageType.Vote,
                From = Id(2),
                To = Id(1),
                Term = new Term(4),
                LogTerm = new Term(lastTerm),
                Index = new LogIndex(lastIndex),
                Context = 4,
            },
            [],
            0);
        node.TakeReady(ready);
        return ready.Messages.Single().Message.Reject;
    }

    [Test]
    public void Section_6_A_joint_configuration_needs_both_majorities()
    {
        var group = new RaftScript();
        group.RunAll("add-nodes 5\ncampaign 1\nstabilize\nchange 1 joint 1 2\nstabilize\npropose 1 10");
        var index = group[1].Node.Log.LastIndex;

        // Three of the old five hold it, and of the new two only the leader.
        group.RunAll("durable 1\ndeliver to=3\ndurable 3\ndeliver to=4\ndurable 4\ndeliver to=1");
        group[1].Node.Commit.ShouldBeLessThan(index);
        group.RunAll("deliver to=2\ndurable 2\ndeliver to=1");
        group[1].Node.Commit.ShouldBe(index);

        // And both of the new two, but of the old five no third.
        group.RunAll("stabilize\npropose 1 10\ndurable 1\ndeliver to=2\ndurable 2\ndeliver to=1");
        group[1].Node.Commit.ShouldBe(index);
        group.RunAll("deliver to=5\ndurable 5\ndeliver to=1");
        group[1].Node.Commit.ShouldBe(index.Next);

        group[1].Node.CheckQuorum([Id(3), Id(4), Id(5)], group.NowMs);
        group[1].Node.Role.ShouldBe(RaftRole.Follower);
    }

    [Test]
    public void Thesis_4_2_3_A_live_leader_is_not_deposed_by_a_candidate_it_did_not_send()
    {
        _group.RunAll("leader-alive 2 true");
        var term = _group[2].Node.Term;
        Vote(2, from: 3, term: 9).ShouldBe(RejectReason.LeaderAlive);
        _group[2].Node.Term.ShouldBe(term);
        Vote(1, from: 3, term: 9).ShouldBe(RejectReason.LeaderAlive);
        _group[1].Node.Role.ShouldBe(RaftRole.Leader);
        Vote(2, from: 3, term: 9, transfer: true).ShouldBe(RejectReason.None);
    }

    [Test]
    public void Thesis_9_6_A_pre_vote_changes_no_state()
    {
        var before = _group[2].Node.HardState;
        var pending = _group[2].PendingWrites;
        _group.RunAll("campaign 3\ndeliver to=2");
        _group[2].Node.HardState.ShouldBe(before);
        _group[2].PendingWrites.ShouldBe(pending);
        _group[3].Node.Term.ShouldBe(before.Term);
    }

    [Test]
    public void Thesis_6_4_No_read_before_an_entry_of_the_own_term_is_committed()
    {
        var group = new RaftScript();
        group.RunAll("add-nodes 3\ncampaign 1\ndeliver type=PreVote\ndeliver type=PreVoteReply\ndurable 1\ndeliver type=Vote\ndurable 2\ndeliver type=VoteReply");
        group[1].Node.Role.ShouldBe(RaftRole.Leader);
        group[1].Node.RequestRead().ShouldBeNull();
        group.Run("stabilize");
        group[1].Node.RequestRead().ShouldNotBeNull();
    }

    private static ReplicaId Id(ulong id) => new(id);

    private static RaftNode Node(ulong id, string terms, ulong term)
    {
        var log = new RaftLog();
        foreach (var digit in terms) log.Append(new Term((ulong)(digit - '0')), 10);
        var configuration = RaftConfiguration.Of([.. Enumerable.Range(1, 3).Select(i => new Member(new NodeId((ushort)i), 1, Id((ulong)i)))]);
        return new RaftNode(
            new RaftOptions(), Id(id), configuration, new HardState(new Term(term), default, default), log, default, log.LastIndex, new Prng(id));
    }

    /// <summary>Carries appends and replies between the two until there are none; returns how many were refused.</summary>
    private static int Feed(RaftNode leader, RaftNode follower, RaftReady ready)
    {
        var refusals = 0;
        for (var round = 0; round < 50 && leader.HasReady; round++)
        {
            leader.TakeReady(ready);
            var appends = ready.Messages.Select(m => m.Message).Where(m => m.Type == RaftMessageType.Append && m.To == follower.Self).ToList();
            foreach (var append in appends)
            {
                var entries = Enumerable.Range(1, append.EntryCount)
                    .Select(i => append.Index + (ulong)i).Select(i => new EntryMeta(leader.Log.TermAt(i), leader.Log.SizeAt(i))).ToArray();
                follower.Step(append, entries, 0);
                follower.TakeReady(ready);
                foreach (var reply in ready.Messages)
                {
                    if (reply.Message.Reject != RejectReason.None) refusals++;
                    leader.Step(reply.Message, [], 0);
                }
            }
        }

        return refusals;
    }

    private void Step(ulong to, RaftMessage message)
    {
        _group[to].Deliver(new Packet(message, []), _group.NowMs);
        _group.Run("status");
    }

    private RejectReason Vote(ulong to, ulong from, ulong term, bool transfer = false)
    {
        var last = _group[to].Node.Log;
        var message = new RaftMessage
        {
            Type = RaftMessageType.Vote,
            From = Id(from),
            To = Id(to),
            Term = new Term(term),
            Index = last.LastIndex,
            LogTerm = last.LastTerm,
            Context = term,
            Transfer = transfer,
        };
        _group[to].Deliver(new Packet(message, []), _group.NowMs);
        _group.RunAll($"status\ndurable {to}");
        return _group.Network.Last(p => p.Message.Type == RaftMessageType.VoteReply && p.Message.From == Id(to)).Message.Reject;
    }
}

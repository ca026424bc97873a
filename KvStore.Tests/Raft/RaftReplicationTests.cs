using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Raft;

/// <summary>Sending, silence, nonsense, membership at the edges.</summary>
public sealed class RaftReplicationTests
{
    private RaftScript _group = new();

    [SetUp]
    public void Elect_1_of_3()
    {
        _group = new RaftScript();
        _group.RunAll("add-nodes 3\ncampaign 1\nstabilize\nleader-alive 2 true\nleader-alive 3 true");
    }

    [Test]
    public void A_group_at_rest_sends_nothing_and_needs_no_timer()
    {
        _group.RunAll("propose 1 10 count=5\nstabilize\ntime 100000");
        _group.Network.ShouldBeEmpty();
        foreach (ulong id in new[] { 1, 2, 3 }) _group[id].Node.NextDeadlineMs.ShouldBe(long.MaxValue);
        foreach (ulong id in new[] { 1, 2, 3 }) _group[id].Node.Applied.ShouldBe(new LogIndex(6));
    }

    [Test]
    public void Proposals_between_two_takes_share_one_message_a_follower()
    {
        _group.Run("propose 1 10 count=20");
        _group.Network.Count.ShouldBe(2);
        _group.Network[0].Entries.Length.ShouldBe(20);
    }

    [Test]
    public void The_commit_index_alone_is_sent_once_at_a_time()
    {
        _group.RunAll("propose 1 10\ndurable 1\ndeliver to=2\ndurable 2\ndeliver from=2");
        var notices = Notices(to: 2);
        notices.ShouldBe(1);
        _group.RunAll("propose 1 10\ndurable 1\ndeliver to=3\ndurable 3\ndeliver from=3");
        _group[1].Node.Commit.ShouldBe(new LogIndex(3));
        Notices(to: 2).ShouldBe(notices);
    }

    [Test]
    public void A_restarted_follower_learns_the_commit_index_when_the_way_is_open_again()
    {
        _group.RunAll("propose 1 10\nstabilize 1 2\ndeliver to=3 count=1\ndurable 3\ndeliver to=1\ndeliver to=3\ndeliver to=1");
        _group[3].Node.Commit.ShouldBe(_group[1].Node.Commit);
        _group.RunAll("crash 3\nleader-alive 3 true\ntime 20000");
        _group[3].Node.Commit.ShouldBeLessThan(_group[1].Node.Commit);
        _group.Network.ShouldBeEmpty();
        _group.RunAll("resume 1 3\nstabilize");
        _group[3].Node.Applied.ShouldBe(_group[1].Node.Applied);
    }

    [Test]
    public void A_new_leader_does_not_take_a_silent_follower_for_one_with_an_empty_log()
    {
        _group.RunAll("propose 1 10 count=9\nstabilize\ncompact 1 10\ncompact 2 10\ncompact 3 10\ntransfer 1 2\nstabilize 1 2\ndeliver to=3 drop=99");
        _group[2].Node.Role.ShouldBe(RaftRole.Leader);
        _group.RunAll("time 9000\ndeliver to=3 drop=99\nunreachable 2 3\ntime 9000\ndeliver to=3 drop=99\nresume 2 3");
        _group[2].Node.TryGetProgress(new ReplicaId(3), out var progress).ShouldBeTrue();
        progress.State.ShouldBe(ProgressState.Probe);
        _group.Run("stabilize");
        _group[3].Node.Applied.ShouldBe(_group[2].Node.Applied);
    }

    [Test]
    public void A_failed_snapshot_is_asked_for_again_after_a_while()
    {
        _group.RunAll("propose 1 10 count=3\nstabilize 1 2\ndeliver to=3 drop=99\ncompact 1 4\nresume 1 3\ndeliver to=3 drop=9");
        _group.Run("snapshot-failed 1 3");
        _group.Network.ShouldBeEmpty();
        _group.Run("time 1500");
        _group.Network.Single().Snapshot.ShouldNotBeNull();
        _group.Run("stabilize");
        _group[3].State.ShouldBe(_group[1].State);
    }

    [TestCase("2 3 4 5")]
    [TestCase("3 2 4 5")]
    [TestCase("5 4 3 2")]
    public void A_candidate_behind_and_one_ahead_do_not_take_turns(string order)
    {
        var group = new RaftScript();
        group.RunAll("add-nodes 5\ncampaign 1\nstabilize\npropose 1 10\ndeliver to=2\ndurable 2\ndeliver drop=99\ncrash 1");

        // 3, 4, 5 miss an entry that 2 has. 3 asks; 2 denies and asks at once; whoever wins stays.
        group.RunAll($"campaign 3\ndeliver to=1 drop=9\nstabilize {order}\ndeliver to=1 drop=99");
        var leader = new ulong[] { 2, 3, 4, 5 }.Single(id => group[id].Node.Role == RaftRole.Leader);
        var term = group[leader].Node.Term;
        term.ShouldBeLessThanOrEqualTo(new Term(3));
        for (var i = 0; i < 9; i++) group.RunAll($"time 100\nstabilize {order}\ndeliver to=1 drop=99");
        group[leader].Node.Role.ShouldBe(RaftRole.Leader);
        foreach (ulong id in new[] { 2, 3, 4, 5 })
        {
            group[id].Node.Term.ShouldBe(term);
            group[id].Node.Applied.ShouldBe(group[leader].Node.Applied);
        }
    }

    [Test]
    public void A_group_of_one_elects_itself_and_commits_alone()
    {
        var group = new RaftScript();
        group.RunAll("add-nodes 1\ncampaign 1\nstabilize\npropose 1 10\nread 1\nstabilize");
        group[1].Node.Role.ShouldBe(RaftRole.Leader);
        group[1].Node.Applied.ShouldBe(new LogIndex(2));
        group[1].ConfirmedReads.ShouldBe([1UL]);
    }

    [Test]
    public void A_learner_follows_and_does_not_count()
    {
        var group = new RaftScript();
        group.RunAll("add-nodes 4 learners=1\ncampaign 4\ncampaign 1\nstabilize\npropose 1 10\ndurable 1\ndeliver to=4\ndurable 4\ndeliver to=1");
        group[4].Node.Role.ShouldBe(RaftRole.Learner);
        group[4].Node.NextDeadlineMs.ShouldBe(long.MaxValue);
        group[1].Node.Commit.ShouldBe(new LogIndex(1));
        group.Run("stabilize");
        group[4].Node.Applied.ShouldBe(new LogIndex(2));
    }

    [Test]
    public void A_replica_without_a_configuration_answers_no_candidate()
    {
        var group = new RaftScript();
        group.RunAll("add-nodes 3 empty=1");
        var vote = new RaftMessage { Type = RaftMessageType.Vote, From = new ReplicaId(1), To = new ReplicaId(3), Term = new Term(3), Index = new LogIndex(9), LogTerm = new Term(2), Context = 3 };
        group[3].Deliver(new Packet(vote, []), 0);
        group.Run("durable 3");
        group.Network.ShouldBeEmpty();
        group[3].Node.IgnoredMessages.ShouldBe(1);
        group[3].Node.Term.ShouldBe(Term.Zero);
    }

    [Test]
    public void A_candidate_added_by_an_entry_not_applied_here_gets_its_vote_and_a_removed_one_is_ignored()
    {
        var group = new RaftScript();
        group.RunAll("add-nodes 3\ncampaign 1\nstabilize");
        PreVote(group, from: 9, last: 0);
        group[2].Node.IgnoredMessages.ShouldBe(1);
        PreVote(group, from: 9, last: 7);
        group[2].Node.IgnoredMessages.ShouldBe(1);
        group.Network[^1].Message.Type.ShouldBe(RaftMessageType.PreVoteReply);
        group.Network[^1].Message.Reject.ShouldBe(RejectReason.None);
    }

    [Test]
    public void A_commit_notice_to_a_follower_that_cannot_be_reached_is_not_due()
    {
        var group = new RaftScript();
        group.RunAll("options commit-notice=20\nadd-nodes 3\ncampaign 1\nstabilize\npropose 1 10\nstabilize");
        group[1].Node.NextDeadlineMs.ShouldBeLessThanOrEqualTo(group.NowMs + 40, "both are to be told of the commit");
        group.RunAll("unreachable 1 2\nunreachable 1 3");
        group[1].Node.NextDeadlineMs.ShouldBeGreaterThan(group.NowMs + 40);
    }

    [Test]
    public void Only_one_configuration_is_under_way()
    {
        _group.Run("change 1 remove 3").ShouldContain("proposed 2");
        _group.Run("change 1 remove 2").ShouldBe("1: ConfigurationPending\n");
        _group.Run("stabilize");
        _group.Run("change 1 remove 2").ShouldContain("proposed 3");
    }

    [Test]
    public void A_leader_takes_no_proposal_before_its_first_entry_is_taken()
    {
        var node = new RaftNode(
            new RaftOptions(), new ReplicaId(1), RaftConfiguration.Of(new Member(new NodeId(1), 1, new ReplicaId(1))), default, new RaftLog(),
            default, default, new Prng(1));
        node.Campaign(0);
        node.Role.ShouldBe(RaftRole.Candidate, "its own vote is not durable");
        node.OnHardStateDurable(new Term(1));
        node.Role.ShouldBe(RaftRole.Leader);
        node.Propose(5, out _).ShouldBe(ProposeResult.NotLeader);
        var ready = new RaftReady();
        node.TakeReady(ready);
        ready.NoOpIndex.ShouldBe(new LogIndex(1));
        node.Propose(5, out var index).ShouldBe(ProposeResult.Accepted);
        index.ShouldBe(new LogIndex(2));
    }

    [Test]
    public void Random_messages_throw_nothing_and_break_nothing([Range(1, 40)] int seed)
    {
        var random = new Prng((ulong)seed);
        _group.RunAll("propose 1 10 count=5\nstabilize\ncompact 2 3");
        var applied = _group[1].State;
        for (var i = 0; i < 2000; i++)
        {
            var replica = _group[1 + (ulong)random.Next(3)];
            var message = RandomMessage(random, replica.Id);
            var entries = new TestEntry[random.Next(3)];
            for (var e = 0; e < entries.Length; e++) entries[e] = new TestEntry(new Term((ulong)random.Next(5)), 1, random.Next(20) - 1);
            if (random.Chance(4, 5)) message = message with { EntryCount = entries.Length };
            replica.Deliver(new Packet(message, entries), _group.NowMs);
            replica.Pump();
            if (random.Chance(1, 4)) replica.Sync();
        }

        _group[1].Node.IgnoredMessages.ShouldBeGreaterThan(0);
        _group[1].State.Index.ShouldBeGreaterThanOrEqualTo(applied.Index);
    }

    private static RaftMessage RandomMessage(Prng random, ReplicaId to)
    {
        return new RaftMessage
        {
            Type = (RaftMessageType)random.Next(11),
            From = new ReplicaId((ulong)random.Next(5)),
            To = to,
            Term = new Term(Any(3)),
            Index = new LogIndex(Any(9)),
            LogTerm = new Term(Any(3)),
            Commit = new LogIndex(Any(9)),
            EntryCount = random.Next(4) - 1,
            Reject = (RejectReason)random.Next(6),
            Hint = new LogIndex(Any(9)),
            Context = Any(4),
            Transfer = random.Chance(1, 2),
        };

        ulong Any(int usual) => random.Chance(1, 30) ? random.NextUInt64() : (ulong)random.Next(usual);
    }

    private static void PreVote(RaftScript group, ulong from, ulong last)
    {
        var message = new RaftMessage
        {
            Type = RaftMessageType.PreVote,
            From = new ReplicaId(from),
            To = new ReplicaId(2),
            Term = new Term(5),
            Index = new LogIndex(last),
            LogTerm = new Term(last == 0 ? 0UL : 1),
            Context = 1,
        };
        group[2].Deliver(new Packet(message, []), group.NowMs);
        group.Run("status");
    }

    private int Notices(ulong to) =>
        _group.Network.Count(p => p.Message is { Type: RaftMessageType.Append, EntryCount: 0 } && p.Message.To.Value == to);
}

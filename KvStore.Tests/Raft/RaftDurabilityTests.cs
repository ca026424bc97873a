using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Raft;

/// <summary>Nothing is promised before the disk holds it, and no report of the disk is taken for more than it says.</summary>
public sealed class RaftDurabilityTests
{
    private static readonly ReplicaId Self = new(1);

    [Test]
    public void A_notice_from_before_a_cut_does_not_vouch_for_what_looks_the_same_after_it()
    {
        var node = Follower();

        // Entry 1 of term 1 is written; another of term 2 replaces it; then that of term 1 comes back from a leader of term 3.
        Append(node, leader: 2, term: 1, previous: 0, previousTerm: 0, entryTerms: [1]).NewCount.ShouldBe(1);
        Append(node, leader: 3, term: 2, previous: 0, previousTerm: 0, entryTerms: [2]).TruncateFrom.ShouldBe(new LogIndex(1));
        node.OnDurable(new Term(1), new LogIndex(1));
        node.Durable.ShouldBe(LogIndex.Zero);
        Append(node, leader: 2, term: 3, previous: 0, previousTerm: 0, entryTerms: [1, 3]).TruncateFrom.ShouldBe(new LogIndex(1));

        // The disk reports the first write, then the second; only the third makes the present log durable.
        node.OnDurable(new Term(1), new LogIndex(1));
        node.Durable.ShouldBe(LogIndex.Zero);
        node.OnDurable(new Term(2), new LogIndex(1));
        node.Durable.ShouldBe(LogIndex.Zero);
        node.OnDurable(new Term(3), new LogIndex(2));
        node.Durable.ShouldBe(new LogIndex(2));
    }

    [Test]
    public void A_notice_from_before_a_cut_counts_below_it()
    {
        var node = Follower();
        Append(node, leader: 2, term: 1, previous: 0, previousTerm: 0, entryTerms: [1, 1, 1]);
        Append(node, leader: 3, term: 2, previous: 2, previousTerm: 1, entryTerms: [2]);
        node.OnDurable(new Term(1), new LogIndex(3));
        node.Durable.ShouldBe(new LogIndex(2));
    }

    [Test]
    public void A_notice_from_an_earlier_term_counts_if_nothing_was_cut()
    {
        var node = Follower();
        Append(node, leader: 2, term: 1, previous: 0, previousTerm: 0, entryTerms: [1, 1]);
        Append(node, leader: 3, term: 2, previous: 2, previousTerm: 1, entryTerms: []);
        node.OnDurable(new Term(1), new LogIndex(2));
        node.Durable.ShouldBe(new LogIndex(2));
    }

    [Test]
    public void An_acknowledgement_waits_for_the_disk_and_a_repeated_one_does_not()
    {
        var node = Follower();
        var ready = new RaftReady();
        Append(node, leader: 2, term: 1, previous: 0, previousTerm: 0, entryTerms: [1]);
        node.TakeReady(ready);
        ready.Messages.Single().AfterDurable.ShouldBeTrue();
        node.OnHardStateDurable(new Term(1));
        Append(node, leader: 2, term: 1, previous: 0, previousTerm: 0, entryTerms: [1]);
        node.TakeReady(ready);
        ready.Messages.Single().AfterDurable.ShouldBeTrue();
        node.OnDurable(new Term(1), new LogIndex(1));
        Append(node, leader: 2, term: 1, previous: 0, previousTerm: 0, entryTerms: [1]).NewCount.ShouldBe(0);
        node.TakeReady(ready);
        ready.Messages.Single().AfterDurable.ShouldBeFalse();
    }

    [Test]
    public void Nothing_is_applied_before_the_own_disk_holds_it()
    {
        var node = Follower();
        var ready = new RaftReady();
        Append(node, leader: 2, term: 1, previous: 0, previousTerm: 0, entryTerms: [1, 1], commit: 2);
        node.TakeReady(ready);
        node.Commit.ShouldBe(new LogIndex(2));
        ready.CommitThrough.ShouldBe(LogIndex.Zero);
        node.OnDurable(new Term(1), new LogIndex(1));
        node.TakeReady(ready);
        ready.CommitThrough.ShouldBe(new LogIndex(1));
    }

    [Test]
    public void A_commit_index_alone_need_not_be_persisted()
    {
        var node = Follower();
        var ready = new RaftReady();
        Append(node, leader: 2, term: 1, previous: 0, previousTerm: 0, entryTerms: [1]);
        node.TakeReady(ready);
        ready.MustPersistHardState.ShouldBeTrue();
        Append(node, leader: 2, term: 1, previous: 1, previousTerm: 1, entryTerms: [], commit: 1);
        node.TakeReady(ready);
        ready.HardState.ShouldBe(new HardState(new Term(1), ReplicaId.None, new LogIndex(1)));
        ready.MustPersistHardState.ShouldBeFalse();
    }

    [Test]
    public void Entries_that_reached_the_disk_without_their_hard_state_prove_the_term()
    {
        var log = new RaftLog();
        log.Append(new Term(4), 10);
        var node = new RaftNode(
            new RaftOptions(), Self, Three(), new HardState(new Term(3), new ReplicaId(2), default), log, default, log.LastIndex, new Prng(1));
        var ready = new RaftReady();
        node.Term.ShouldBe(new Term(4));
        node.HardState.Vote.ShouldBe(ReplicaId.None);
        node.TakeReady(ready);
        ready.MustPersistHardState.ShouldBeTrue();
    }

    [Test]
    public void A_snapshot_keeps_the_acknowledged_log_after_it()
    {
        var node = Follower();
        Append(node, leader: 2, term: 1, previous: 0, previousTerm: 0, entryTerms: [1, 1, 1]);
        node.OnDurable(new Term(1), new LogIndex(3));
        node.OnSnapshotInstalled(new LogIndex(2), new Term(1), Three()).ShouldBeTrue();
        node.Log.LastIndex.ShouldBe(new LogIndex(3));
        node.Durable.ShouldBe(new LogIndex(3));
        node.Applied.ShouldBe(new LogIndex(2));
        node.OnSnapshotInstalled(new LogIndex(9), new Term(1), Three()).ShouldBeFalse();
        node.Log.FirstIndex.ShouldBe(new LogIndex(10));
        node.Commit.ShouldBe(new LogIndex(9));
    }

    [Test]
    public void A_second_configuration_in_the_log_proves_the_first_committed()
    {
        var log = new RaftLog();
        log.Append(new Term(1), 0);
        log.Append(new Term(1), 50, isConfiguration: true);
        log.Append(new Term(1), 0);
        log.Append(new Term(1), 50, isConfiguration: true);
        var node = new RaftNode(
            new RaftOptions(), Self, Three(), new HardState(new Term(1), default, default), log, default, log.LastIndex, new Prng(1));
        node.Commit.ShouldBe(new LogIndex(2));
        node.Campaign(5);
        node.Role.ShouldBe(RaftRole.Follower);
        node.OnApplied(new LogIndex(2));
        node.Campaign(5);
        node.Role.ShouldBe(RaftRole.PreCandidate);
    }

    private static RaftConfiguration Three() =>
        RaftConfiguration.Of([.. Enumerable.Range(1, 3).Select(i => new Member(new NodeId((ushort)i), 1, new ReplicaId((ulong)i)))]);

    private static RaftNode Follower() =>
        new(new RaftOptions(), Self, Three(), default, new RaftLog(), default, default, new Prng(1));

    private static AppendDecision Append(
        RaftNode node, ulong leader, ulong term, ulong previous, ulong previousTerm, ulong[] entryTerms, ulong commit = 0)
    {
        var message = new RaftMessage
        {
            Type = RaftMessageType.Append,
            From = new ReplicaId(leader),
            To = node.Self,
            Term = new Term(term),
            Index = new LogIndex(previous),
            LogTerm = new Term(previousTerm),
            Commit = new LogIndex(commit),
            EntryCount = entryTerms.Length,
        };
        return node.Step(message, [.. entryTerms.Select(t => new EntryMeta(new Term(t), 10))], 0);
    }
}

using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using KvStore.Core.Storage;
using KvStore.Core.Storage.Wal;
using KvStore.Tests.Storage;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Node;

/// <summary>What of a partition's log a restart keeps: everything that this replica may have acknowledged.</summary>
public sealed class PartitionRecoveryTests
{
    private static readonly ReplicaId Self = new(1);

    private SimEngine _sim = null!;
    private PartitionStore _store = null!;

    [SetUp]
    public void Open()
    {
        _sim = new SimEngine(1);
        var configuration = new ByteBuffer();
        RaftConfiguration.Of(
            new Member(new NodeId(1), 1, Self), new Member(new NodeId(2), 2, new ReplicaId(2)), new Member(new NodeId(3), 3, new ReplicaId(3))).Encode(configuration);
        _store = _sim.Engine.CreatePartition(new PartitionId(3), configuration.Written);
        for (var i = 1UL; i <= 5; i++) _store.Put(i, $"k{i}", "v");
        _sim.Engine.FlushAll();
        _store.Durable.Index.ShouldBe(new LogIndex(5));
    }

    [TearDown]
    public void Close() => _sim.Dispose();

    [Test]
    public void Entries_right_behind_the_applied_one_are_kept_when_all_before_was_recycled()
    {
        var recovery = new PartitionRecovery(_store);
        recovery.OnHardState(new HardStateRecord(new Term(2), 0, new LogIndex(5)));
        Replay(recovery, 6, 8, 2);
        var raft = Finish(recovery);
        raft.Log.LastIndex.ShouldBe(new LogIndex(8));
        raft.Log.LastTerm.ShouldBe(new Term(2));
        raft.Log.TermAt(new LogIndex(5)).ShouldBe(new Term(1));
        recovery.Log.TryGet(new LogIndex(6), out _).ShouldBeTrue();
        recovery.MustRestartLog.ShouldBeFalse();
    }

    [Test]
    public void Entries_right_behind_an_installed_snapshot_are_kept()
    {
        var recovery = new PartitionRecovery(_store);
        Replay(recovery, 1, 2, 1);
        recovery.OnAppliedSnapshot(new LogIndex(5), new Term(1));
        Replay(recovery, 6, 8, 2);
        Finish(recovery).Log.LastIndex.ShouldBe(new LogIndex(8));
    }

    [Test]
    public void Entries_behind_a_snapshot_are_kept_after_all_were_cut_and_replaced()
    {
        var recovery = new PartitionRecovery(_store);
        recovery.OnAppliedSnapshot(new LogIndex(5), new Term(1));
        Replay(recovery, 6, 8, 2);
        recovery.OnTruncate(new LogIndex(6));
        Replay(recovery, 6, 7, 3);
        var log = Finish(recovery).Log;
        log.LastIndex.ShouldBe(new LogIndex(7));
        log.LastTerm.ShouldBe(new Term(3));
    }

    /// <summary>A snapshot took its place, and the power went before the log was told: its first entries were recycled by then.</summary>
    [Test]
    public void Entries_of_an_earlier_term_right_behind_the_applied_one_are_of_another_log()
    {
        var recovery = new PartitionRecovery(_store);
        Replay(recovery, 6, 8, 0);
        Finish(recovery).Log.LastIndex.ShouldBe(new LogIndex(5));
        recovery.MustRestartLog.ShouldBeTrue();
    }

    [Test]
    public void A_log_that_does_not_hold_the_applied_entry_is_dropped_for_good()
    {
        // The snapshot's manifest edit was synced; the crash came before the log knew of it.
        var recovery = new PartitionRecovery(_store);
        Replay(recovery, 1, 4, 1);
        Replay(recovery, 5, 9, 7);
        Finish(recovery).Log.LastIndex.ShouldBe(new LogIndex(5));
        recovery.MustRestartLog.ShouldBeTrue();

        // With that said in the log before what follows, the next restart keeps what was acknowledged since.
        recovery = new PartitionRecovery(_store);
        Replay(recovery, 1, 4, 1);
        Replay(recovery, 5, 9, 7);
        recovery.OnAppliedSnapshot(new LogIndex(5), new Term(1));
        Replay(recovery, 6, 7, 8);
        Finish(recovery).Log.LastIndex.ShouldBe(new LogIndex(7));
        recovery.MustRestartLog.ShouldBeFalse();
    }

    private static void Replay(PartitionRecovery recovery, ulong from, ulong through, ulong term)
    {
        Span<byte> payload = stackalloc byte[EntryHeader.Size];
        for (var i = from; i <= through; i++)
        {
            new EntryHeader(EntryKind.NoOp, false, new NodeId(1), i).Write(payload);
            recovery.OnEntry(new Term(term), new LogIndex(i), default, payload);
        }
    }

    private static RaftNode Finish(PartitionRecovery recovery) => recovery.Finish(new RaftOptions(), Self, new Prng(1));
}

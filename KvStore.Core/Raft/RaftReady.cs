using KvStore.Core.Primitives;

namespace KvStore.Core.Raft;

/// <summary>
/// The work a <see cref="RaftNode"/> hands its driver: one reusable object, filled by <see cref="RaftNode.TakeReady"/>. The driver, in
/// this order: appends the no-op, hands the hard state to the log, sends the messages (those marked after durability), applies.
/// </summary>
public sealed class RaftReady
{
    /// <summary>Set if not null: an elected leader's first entry; the driver appends an empty entry under (Term, this index) to its log before anything else.</summary>
    public LogIndex? NoOpIndex { get; internal set; }

    /// <summary>The hard state, if it changed since it was last taken.</summary>
    public HardState? HardState { get; internal set; }

    /// <summary>Term or vote changed: the hard state must be durable before a message marked so leaves, and <see cref="RaftNode.OnHardStateDurable"/> reports it. Otherwise only the commit index changed, and writing it may wait for any other write.</summary>
    public bool MustPersistHardState { get; internal set; }

    public List<OutgoingMessage> Messages { get; } = new(16);

    /// <summary>Entries through here may be applied: committed, and durable on this replica.</summary>
    public LogIndex CommitThrough { get; internal set; }

    /// <summary>Read rounds confirmed; a round confirms all rounds below it.</summary>
    public List<ulong> ConfirmedReads { get; } = new(4);

    /// <summary>Leadership was lost: reads in rounds above the last of <see cref="ConfirmedReads"/> fail.</summary>
    public bool ReadsLost { get; internal set; }

    /// <summary>Followers that the log cannot serve any more. Each is named once, until <see cref="RaftNode.OnSnapshotStatus"/> reports on it.</summary>
    public List<ReplicaId> NeedSnapshot { get; } = new(4);

    /// <summary>The role, or the known leader, changed.</summary>
    public bool RoleChanged { get; internal set; }

    internal void Clear()
    {
        NoOpIndex = null;
        HardState = null;
        MustPersistHardState = false;
        Messages.Clear();
        ConfirmedReads.Clear();
        ReadsLost = false;
        NeedSnapshot.Clear();
        RoleChanged = false;
    }
}

using KvStore.Core.Primitives;
using KvStore.Core.Raft;

namespace KvStore.Core.Node;

/// <summary>One consistent picture of a replica, as other threads may see it.</summary>
/// <param name="DurableTerm">The newest term whose hard state is durable here.</param>
/// <param name="LastIndex">Index of the last log entry, durable or not.</param>
/// <param name="AppliedTerm">Term of the entry applied last.</param>
public readonly record struct PartitionSnapshot(
    RaftRole Role, Term Term, Term DurableTerm, NodeId Leader, LogIndex LastIndex, LogIndex Commit, LogIndex Applied, Term AppliedTerm)
{
    /// <summary>
    /// A primary that has applied an entry of its own term: with its overlay, its state holds every write acknowledged before it was
    /// elected, and every one it acknowledged itself. Until then it may lag as any replica may.
    /// </summary>
    public bool HoldsAllAcknowledged => Role == RaftRole.Leader && AppliedTerm == Term;
}

/// <summary>
/// The window through which the heartbeat lane, the coordinator and the connections look at a partition.
/// Written by the owning shard alone, before anything that depends on it leaves the node; read by anybody without a lock (a sequence lock).
/// </summary>
public sealed class PartitionStatus(PartitionId id)
{
    private PartitionSnapshot _value;
    private int _sequence;
    private PartitionHalt? _halt;
    private bool _cannotBeCopied;

    public PartitionId Id { get; } = id;

    /// <summary>Where this replica stands against its primary; kept by the heartbeat lane.</summary>
    public Staleness Staleness { get; } = new();

    /// <summary>Why the replica stands still; null while it does not.</summary>
    public PartitionHalt? Halt
    {
        get => Volatile.Read(ref _halt);
        internal set => Volatile.Write(ref _halt, value);
    }

    /// <summary>Whether the replica met damage where it was read for a snapshot to another. It goes on, but should not lead until it is rebuilt.</summary>
    public bool CannotBeCopied
    {
        get => Volatile.Read(ref _cannotBeCopied);
        internal set => Volatile.Write(ref _cannotBeCopied, value);
    }

    public PartitionSnapshot Read()
    {
        var spin = new SpinWait();
        while (true)
        {
            var before = Volatile.Read(ref _sequence);
            if ((before & 1) == 0)
            {
                var value = _value;
                Interlocked.MemoryBarrier();
                if (Volatile.Read(ref _sequence) == before) return value;
            }

            spin.SpinOnce(sleep1Threshold: -1);
        }
    }

    internal void Publish(in PartitionSnapshot value)
    {
        if (_value == value) return;
        Volatile.Write(ref _sequence, _sequence + 1);
        Interlocked.MemoryBarrier();
        _value = value;
        Volatile.Write(ref _sequence, _sequence + 1);
    }
}

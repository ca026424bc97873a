using KvStore.Core.Primitives;
using KvStore.Core.Raft;

namespace KvStore.Core.Node;

/// <summary>What reaches a shard. Everything does so as one of these, on its queue.</summary>
public enum ShardEventKind : byte
{
    /// <summary>Object: <see cref="PendingWrite"/>.</summary>
    Write,

    /// <summary>Object: <see cref="ReadBarrier"/>.</summary>
    Read,

    /// <summary>Object: <see cref="PooledBytes"/>, Raft messages of this shard's partitions; number: sending node.</summary>
    Raft,

    /// <summary>Number: the LSN through which the WAL is durable.</summary>
    Durable,

    /// <summary>Time passed; nothing else.</summary>
    Tick,

    /// <summary>Partition, number: term; node: the leader that a heartbeat claimed it for.</summary>
    LeaderClaimed,

    /// <summary>Partition; number: nanoseconds to wait before a campaign.</summary>
    LeaderLost,

    /// <summary>Partition; object: the replicas that were heard from lately (<see cref="ReplicaId"/> array).</summary>
    QuorumSuspect,

    /// <summary>Partition; node: a voter that does not follow; number: its term.</summary>
    HigherTerm,

    /// <summary>Partition; node: where leadership should go.</summary>
    Transfer,

    /// <summary>Node: its lane is up again.</summary>
    PeerConnected,

    /// <summary>Node: what was in flight to it may be lost.</summary>
    PeerLost,

    /// <summary>Partition; number: log index through which the WAL no longer holds entries.</summary>
    LogRecycled,

    /// <summary>Partition: entries that it has not applied keep the log from letting its oldest segment go.</summary>
    LogPinned,

    /// <summary>Partition; object: <see cref="SnapshotInstalled"/>.</summary>
    SnapshotInstalled,

    /// <summary>Partition; replica in number; object: <see cref="SnapshotSent"/>.</summary>
    SnapshotSent,

    /// <summary>Partition; a snapshot for it begins to arrive or ended without success (number 1 / 0).</summary>
    SnapshotReceiving,

    /// <summary>Partition; object: <see cref="EntryRecords"/> that were read from the tables.</summary>
    RecordsRead,

    /// <summary>Partition; object: a <see cref="PendingWrite"/> that comes back, for the tables were read for it.</summary>
    WriteJudged,

    /// <summary>Partition; node: its replica there has halted; number: the index that it has applied.</summary>
    ReplicaHalted,

    /// <summary>Object: what to call once the shard has stopped for good.</summary>
    Stop,
}

/// <summary>One event; a value, so that queueing it allocates nothing.</summary>
public readonly record struct ShardEvent(
    ShardEventKind Kind, object? Object = null, PartitionId Partition = default, NodeId Node = default, ulong Number = 0);

/// <summary>A rented array with its used length. Whoever takes the event that carries it gives it back.</summary>
public sealed class PooledBytes(byte[] array, int length)
{
    public ReadOnlySpan<byte> Span => array.AsSpan(0, length);

    public int Length => length;

    public static PooledBytes CopyOf(ReadOnlySpan<byte> bytes)
    {
        var array = System.Buffers.ArrayPool<byte>.Shared.Rent(Math.Max(bytes.Length, 1));
        bytes.CopyTo(array);
        return new PooledBytes(array, bytes.Length);
    }

    public void Release() => System.Buffers.ArrayPool<byte>.Shared.Return(array);
}

/// <summary>A snapshot was made the partition's state by one manifest edit.</summary>
public sealed record SnapshotInstalled(ReplicaId From, LogIndex Index, Term Term, RaftConfiguration Configuration);

/// <summary>A snapshot stream to a follower ended.</summary>
/// <param name="IsDamaged">It failed because the sender cannot read all of its own state.</param>
public sealed record SnapshotSent(ReplicaId To, LogIndex Index, bool Ok, bool IsDamaged);

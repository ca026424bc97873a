using System.Buffers;
using KvStore.Core.Primitives;
using KvStore.Protocol.Messages;

namespace KvStore.Core.Node;

/// <summary>How a write ended, in the terms of the error contract.</summary>
public enum WriteVerdict : byte
{
    /// <summary>In effect at the level that was asked for.</summary>
    Applied,

    /// <summary>Committed and decided: its condition did not hold. No effect, for ever.</summary>
    ConditionFailed,

    /// <summary>Refused before it had an index: this node is not the primary.</summary>
    NotPrimary,

    /// <summary>Refused before it had an index: a queue or a quota is full.</summary>
    Overloaded,

    /// <summary>Refused before it had an index: no space.</summary>
    DiskFull,

    /// <summary>Refused before it had an index: its deadline had passed, or the node is stopping.</summary>
    Expired,

    /// <summary>Refused before it had an index: the node is stopping.</summary>
    ShuttingDown,

    /// <summary>Refused before it had an index: a record that its answer speaks of cannot be read (<see cref="PendingWrite.Records"/>).</summary>
    Damaged,

    /// <summary>Its index was committed with an entry of another term: no effect, for ever.</summary>
    Superseded,

    /// <summary>It has an index and no verdict came in time.</summary>
    Unknown,
}

/// <summary>What is told to whoever asked for a write.</summary>
public readonly record struct WriteEnd(WriteVerdict Verdict, Revision Revision, bool Existed, NodeList AckedBy, NodeId Leader)
{
    public static WriteEnd Refused(WriteVerdict verdict, NodeId leader = default) => new(verdict, Revision.None, false, default, leader);
}

/// <summary>Who is told. Called exactly once, on the shard's thread: it must not block. It owns the operation from then on and releases it.</summary>
public interface IWriteCompletion
{
    void Complete(PendingWrite write, in WriteEnd end);
}

/// <summary>
/// One write on its way through a shard: the entry as it will stand in the log (its header is filled in by the primary), and who waits for it.
/// Owned by the coordinator until it is posted to a shard, by the shard until it is completed.
/// </summary>
public sealed class PendingWrite
{
    public required PartitionId Partition { get; init; }

    public required bool Fast { get; init; }

    /// <summary>The shard drops the operation as not applied when it takes it up after this (ns since boot), and answers unknown when it has no verdict by then.</summary>
    public required long DeadlineNs { get; init; }

    public required IWriteCompletion Completion { get; init; }

    /// <summary>A rented array that starts with the entry's payload.</summary>
    public required byte[] Entry { get; init; }

    public required int EntryLength { get; init; }

    /// <summary>Expiries in the entry are still relative to now: the primary makes them absolute.</summary>
    public bool RelativeExpiry { get; init; }

    /// <summary>Whether a fast delete found a record, as the primary saw it when it took the write.</summary>
    public bool Existed { get; internal set; }

    /// <summary>What the tables say of the keys that it deletes, if they had to be read for <see cref="Existed"/>.</summary>
    internal EntryRecords? Records { get; set; }

    public Span<byte> Payload => Entry.AsSpan(0, EntryLength);

    /// <summary>Gives the rented array back. The owner calls it once, after the last use.</summary>
    public void Release() => ArrayPool<byte>.Shared.Return(Entry);
}

using KvStore.Core.Primitives;

namespace KvStore.Core.Node;

/// <summary>How a wait for a linearizable read ended.</summary>
public enum BarrierVerdict : byte
{
    /// <summary>Leadership was confirmed after the read arrived and everything it must see is applied: read the applied state now.</summary>
    Ready,

    /// <summary>This node is not the primary, or lost it: ask elsewhere. A read has no effect, so that is always allowed.</summary>
    NotPrimary,

    /// <summary>The deadline passed.</summary>
    Expired,
}

/// <summary>Who is told that a barrier is passed. Called once, on the shard's thread: it must not block.</summary>
public interface IBarrierCompletion
{
    void OnBarrier(PartitionId partition, BarrierVerdict verdict, NodeId leader);
}

/// <summary>
/// A quorum read that waits at the primary (ReadIndex: Ongaro's thesis, section 6.4), or, with <see cref="AtLeast"/>,
/// a local read that waits for its replica to have reached an entry.
/// </summary>
public sealed class ReadBarrier
{
    public required PartitionId Partition { get; init; }

    public required long DeadlineNs { get; init; }

    public required IBarrierCompletion Completion { get; init; }

    /// <summary>Its index not zero: no leadership is asked for, only that the entry of this version is applied, or shown in the overlay.</summary>
    public Primitives.Version AtLeast { get; init; }

    internal ulong Round { get; set; }

    internal LogIndex Required { get; set; }
}

using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Core.Node;

/// <summary>
/// Why a replica stands still: the entry after <paramref name="Applied"/> looks at a record that cannot be read here. To apply it anyway
/// would be to guess, and replicas that guess differ. It waits to be rebuilt from another replica.
/// </summary>
public sealed record PartitionHalt(PartitionId Partition, LogIndex Applied, CorruptionException Cause)
{
    /// <summary>What readers of the replica are told.</summary>
    public CorruptionException ToException() => new(
        Cause.Path, Cause.Offset, $"{Cause.What}; partition {Partition} has halted on this node after index {Applied} and waits to be rebuilt");
}

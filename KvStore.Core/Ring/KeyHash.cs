using System.Numerics;
using KvStore.Core.Primitives;
using KvStore.Protocol.Wire;

namespace KvStore.Core.Ring;

/// <summary>Which partition a key belongs to. Part of the wire and disk contract, computed as clients do it.</summary>
public static class KeyHash
{
    /// <inheritdoc cref="KeyPartition.TagOf"/>
    public static ReadOnlySpan<byte> TagOf(ReadOnlySpan<byte> key) => KeyPartition.TagOf(key);

    /// <summary>The key's position on the ring.</summary>
    public static ulong Of(ReadOnlySpan<byte> key) => KeyPartition.HashOf(key);

    /// <summary>The top log2(P) bits of the key's hash. <paramref name="partitionCount"/> is a power of two, 2 to 65,536.</summary>
    public static PartitionId PartitionOf(ReadOnlySpan<byte> key, int partitionCount) => new(KeyPartition.Of(key, partitionCount));

    /// <summary>The ring position at which a partition begins: the smallest hash of its keys.</summary>
    public static ulong StartOf(PartitionId partition, int partitionCount) =>
        (ulong)partition.Value << (64 - BitOperations.Log2((uint)partitionCount));
}

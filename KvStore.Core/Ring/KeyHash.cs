using System.Numerics;
using KvStore.Core.Primitives;

namespace KvStore.Core.Ring;

/// <summary>Which partition a key belongs to. Part of the wire and disk contract: clients compute the same.</summary>
public static class KeyHash
{
    /// <summary>
    /// The bytes of a key that decide its partition: those between the first <c>{</c> and the next <c>}</c> if there are
    /// any and they are not empty, else the whole key.
    /// </summary>
    public static ReadOnlySpan<byte> TagOf(ReadOnlySpan<byte> key)
    {
        var open = key.IndexOf((byte)'{');
        if (open < 0) return key;
        var afterOpen = key[(open + 1)..];
        var length = afterOpen.IndexOf((byte)'}');
        return length > 0 ? afterOpen[..length] : key;
    }

    /// <summary>XXH3-64 (seed 0) of the key's hash tag: the key's position on the ring.</summary>
    public static ulong Of(ReadOnlySpan<byte> key) => StableHash.Of(TagOf(key));

    /// <summary>The top log2(P) bits of the key's hash. <paramref name="partitionCount"/> is a power of two, 2 to 65,536.</summary>
    public static PartitionId PartitionOf(ReadOnlySpan<byte> key, int partitionCount) => PartitionOf(Of(key), partitionCount);

    /// <summary>The partition that holds a ring position.</summary>
    public static PartitionId PartitionOf(ulong hash, int partitionCount) =>
        new((ushort)(hash >> (64 - BitOperations.Log2((uint)partitionCount))));

    /// <summary>The ring position at which a partition begins: the smallest hash of its keys.</summary>
    public static ulong StartOf(PartitionId partition, int partitionCount) =>
        (ulong)partition.Value << (64 - BitOperations.Log2((uint)partitionCount));
}

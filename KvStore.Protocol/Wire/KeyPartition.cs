using System.IO.Hashing;
using System.Numerics;

namespace KvStore.Protocol.Wire;

/// <summary>Which partition a key belongs to: part of the protocol, so that clients can ask the right node first.</summary>
public static class KeyPartition
{
    /// <summary>
    /// The bytes of a key that decide: those between the first <c>{</c> and the next <c>}</c> if there are any and they are not empty, else
    /// the whole key.
    /// </summary>
    public static ReadOnlySpan<byte> TagOf(ReadOnlySpan<byte> key)
    {
        var open = key.IndexOf((byte)'{');
        if (open < 0) return key;
        var afterOpen = key[(open + 1)..];
        var length = afterOpen.IndexOf((byte)'}');
        return length > 0 ? afterOpen[..length] : key;
    }

    /// <summary>XXH3-64 (seed 0) of the hash tag.</summary>
    public static ulong HashOf(ReadOnlySpan<byte> key) => XxHash3.HashToUInt64(TagOf(key));

    /// <summary>The top log2(P) bits of the hash; <paramref name="partitionCount"/> is a power of two above 1.</summary>
    public static ushort Of(ReadOnlySpan<byte> key, int partitionCount) => (ushort)(HashOf(key) >> (64 - BitOperations.Log2((uint)partitionCount)));
}

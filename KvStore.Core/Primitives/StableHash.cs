using System.IO.Hashing;

namespace KvStore.Core.Primitives;

/// <summary>Hashes that are part of the on-disk and on-wire contract: the same on every host, in every release.</summary>
public static class StableHash
{
    /// <summary>XXH3-64 with seed 0 of <paramref name="bytes"/>.</summary>
    public static ulong Of(ReadOnlySpan<byte> bytes) => XxHash3.HashToUInt64(bytes);

    /// <summary>XXH3-64 with a seed.</summary>
    public static ulong Of(ReadOnlySpan<byte> bytes, long seed) => XxHash3.HashToUInt64(bytes, seed);
}

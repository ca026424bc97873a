using System.Buffers.Binary;

namespace KvStore.Core.Storage.Table;

/// <summary>
/// A blocked Bloom filter (Putze, Sanders, Singler, "Cache-, Hash- and Space-Efficient Bloom Filters", 2007): all probes of a key fall into
/// one line of 64 bytes. 10 bits a key and six probes: about 1 in 100 absent keys passes.
/// Layout: lines of 64 bytes each, then their number (4 bytes) and the number of probes (4).
/// </summary>
/// <remarks>
/// The line is the upper half of the XXH3-64 of the key, scaled to the number of lines; the probes are the upper nine bits of the lower
/// half, multiplied by the golden ratio again and again: bit number 0 to 511 in the line.
/// </remarks>
internal static class BloomFilter
{
    private const int LineBytes = 64;
    private const int BitsPerKey = 10;
    private const int Probes = 6;
    private const int MostProbes = 64;
    private const int TailBytes = 8;
    private const uint GoldenRatio = 0x9E3779B9;

    /// <summary>The filter over the keys with these hashes.</summary>
    public static byte[] Build(ReadOnlySpan<ulong> hashes)
    {
        var lines = Math.Max(1, (int)((((long)hashes.Length * BitsPerKey) + (LineBytes * 8) - 1) / (LineBytes * 8)));
        var filter = new byte[(lines * LineBytes) + TailBytes];
        foreach (var hash in hashes)
        {
            var line = filter.AsSpan(LineOf(hash, lines) * LineBytes, LineBytes);
            var probe = (uint)hash;
            for (var i = 0; i < Probes; i++)
            {
                probe *= GoldenRatio;
                var bit = probe >> 23;
                line[(int)(bit >> 3)] |= (byte)(1 << (int)(bit & 7));
            }
        }

        BinaryPrimitives.WriteInt32LittleEndian(filter.AsSpan(lines * LineBytes), lines);
        BinaryPrimitives.WriteInt32LittleEndian(filter.AsSpan((lines * LineBytes) + sizeof(int)), Probes);
        return filter;
    }

    /// <summary>False if no key with this hash was put in. A filter of broken structure is a <see cref="FormatException"/>.</summary>
    public static bool MayContain(ReadOnlySpan<byte> filter, ulong hash)
    {
        if (filter.Length < TailBytes) throw new FormatException("the filter is too short");
        var lines = BinaryPrimitives.ReadInt32LittleEndian(filter[^TailBytes..]);
        var probes = BinaryPrimitives.ReadInt32LittleEndian(filter[^sizeof(int)..]);
        if (lines <= 0 || ((long)lines * LineBytes) + TailBytes != filter.Length) throw new FormatException("the filter's length is wrong");
        if (probes is <= 0 or > MostProbes) throw new FormatException("the filter's number of probes is wrong");
        var line = filter.Slice(LineOf(hash, lines) * LineBytes, LineBytes);
        var probe = (uint)hash;
        for (var i = 0; i < probes; i++)
        {
            probe *= GoldenRatio;
            var bit = probe >> 23;
            if ((line[(int)(bit >> 3)] & (1 << (int)(bit & 7))) == 0) return false;
        }

        return true;
    }

    private static int LineOf(ulong hash, int lines) => (int)(((hash >> 32) * (ulong)lines) >> 32);
}

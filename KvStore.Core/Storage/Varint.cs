namespace KvStore.Core.Storage;

/// <summary>Unsigned numbers in groups of seven bits, the lowest first; all bytes but the last have their top bit set (LEB128).</summary>
internal static class Varint
{
    public const int MaxBytes = 10;

    /// <summary>Writes to the start of <paramref name="destination"/>; returns the number of bytes.</summary>
    public static int Write(Span<byte> destination, ulong value)
    {
        var count = 0;
        for (; value >= 0x80; value >>= 7) destination[count++] = (byte)(value | 0x80);
        destination[count++] = (byte)value;
        return count;
    }

    /// <summary>Reads from <paramref name="at"/> on and moves it; false if the bytes end before the number does or it does not fit 64 bits.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, ref int at, out ulong value)
    {
        value = 0;
        for (var shift = 0; shift < 64 && (uint)at < (uint)bytes.Length; shift += 7)
        {
            var b = bytes[at++];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80) return shift < 63 || b <= 1;
        }

        return false;
    }

    /// <summary>As <see cref="TryRead(ReadOnlySpan{byte}, ref int, out ulong)"/>, for a length of at most <paramref name="max"/>.</summary>
    public static bool TryReadLength(ReadOnlySpan<byte> bytes, ref int at, int max, out int length)
    {
        var ok = TryRead(bytes, ref at, out var value) && value <= (ulong)max;
        length = ok ? (int)value : 0;
        return ok;
    }
}

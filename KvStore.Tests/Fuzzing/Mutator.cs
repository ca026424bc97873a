using System.Buffers.Binary;

namespace KvStore.Tests.Fuzzing;

/// <summary>Changes inputs as damage and malice do. Everything follows from the generator that it is given.</summary>
internal sealed class Mutator(Random random)
{
    private const int LongestInput = 64 << 10;

    /// <summary>Where lengths, counts and offsets go wrong: at the ends of the integer types, and one beside.</summary>
    private static readonly ulong[] Edges =
    [
        0, 1, 2, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x1_0000, 1 << 20, 16 << 20, 17 << 20, (17 << 20) + 1,
        int.MaxValue - 15, int.MaxValue, 1UL << 31, uint.MaxValue - 1, uint.MaxValue, 1UL << 32, long.MaxValue, 1UL << 63, ulong.MaxValue - 7, ulong.MaxValue,
    ];

    /// <summary>A changed copy of <paramref name="input"/>; <paramref name="other"/> is what it may be spliced with.</summary>
    public byte[] Change(byte[] input, byte[] other)
    {
        var bytes = input.ToArray();
        for (var left = 1 << random.Next(4); left > 0; left--) bytes = Step(bytes, other);
        return bytes.Length <= LongestInput || bytes.Length <= input.Length ? bytes : bytes[..Math.Max(LongestInput, input.Length)];
    }

    private byte[] Step(byte[] bytes, byte[] other)
    {
        if (bytes.Length == 0) return random.Next(2) == 0 ? other.ToArray() : [(byte)random.Next(256)];
        switch (random.Next(12))
        {
            case 0 or 1:
                bytes[At(bytes)] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 2:
                bytes[At(bytes)] = (byte)random.Next(256);
                return bytes;
            case 3 or 4:
                return WriteEdge(bytes);
            case 5:
                return WriteVarint(bytes);
            case 6:
                return Nudge(bytes);
            case 7:
                return bytes[..random.Next(bytes.Length)];
            case 8:
                return Remove(bytes);
            case 9:
                return Duplicate(bytes);
            case 10:
                return Splice(bytes, other);
            default:
                return Overwrite(bytes, other);
        }
    }

    private byte[] WriteEdge(byte[] bytes)
    {
        Span<byte> number = stackalloc byte[8];
        var edge = Edges[random.Next(Edges.Length)];
        if (random.Next(8) == 0) BinaryPrimitives.WriteUInt64BigEndian(number, edge);
        else BinaryPrimitives.WriteUInt64LittleEndian(number, edge);
        var at = At(bytes);
        number[..Math.Min(1 << random.Next(4), bytes.Length - at)].CopyTo(bytes.AsSpan(at));
        return bytes;
    }

    /// <summary>A number in groups of seven bits, at times one of more groups than fit.</summary>
    private byte[] WriteVarint(byte[] bytes)
    {
        Span<byte> number = stackalloc byte[12];
        var count = 0;
        if (random.Next(4) == 0)
        {
            count = random.Next(1, number.Length);
            number[..count].Fill(0xFF);
            number[count++] = (byte)random.Next(128);
        }
        else
        {
            var edge = Edges[random.Next(Edges.Length)];
            for (; edge >= 0x80; edge >>= 7) number[count++] = (byte)(edge | 0x80);
            number[count++] = (byte)edge;
        }

        var at = At(bytes);
        return random.Next(2) == 0
            ? [.. bytes.AsSpan(0, at), .. number[..count], .. bytes.AsSpan(Math.Min(bytes.Length, at + 1))]
            : [.. bytes.AsSpan(0, at), .. number[..count], .. bytes.AsSpan(Math.Min(bytes.Length, at + count))];
    }

    private byte[] Nudge(byte[] bytes)
    {
        bytes[At(bytes)] += (byte)(random.Next(2) == 0 ? 1 : 0xFF);
        return bytes;
    }

    private byte[] Remove(byte[] bytes)
    {
        var at = At(bytes);
        return [.. bytes.AsSpan(0, at), .. bytes.AsSpan(at + random.Next(bytes.Length - at + 1))];
    }

    private byte[] Duplicate(byte[] bytes)
    {
        var at = At(bytes);
        var range = bytes.AsSpan(at, Math.Min(random.Next(1, 64), bytes.Length - at));
        return [.. bytes.AsSpan(0, at), .. range, .. bytes.AsSpan(at)];
    }

    private byte[] Splice(byte[] bytes, byte[] other) => [.. bytes.AsSpan(0, random.Next(bytes.Length + 1)), .. other.AsSpan(random.Next(other.Length + 1))];

    /// <summary>A piece of the other input, at the same place more often than not.</summary>
    private byte[] Overwrite(byte[] bytes, byte[] other)
    {
        if (other.Length == 0) return bytes;
        var from = At(other);
        var at = random.Next(3) > 0 ? Math.Min(from, bytes.Length - 1) : At(bytes);
        var count = Math.Min(random.Next(1, 64), Math.Min(other.Length - from, bytes.Length - at));
        other.AsSpan(from, count).CopyTo(bytes.AsSpan(at));
        return bytes;
    }

    /// <summary>Half of the time where something stands: files are mostly zeros.</summary>
    private int At(byte[] bytes)
    {
        var at = random.Next(bytes.Length);
        if (random.Next(2) == 0) return at;
        var further = bytes.AsSpan(at).IndexOfAnyExcept((byte)0);
        return further < 0 ? at : at + further;
    }
}

using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Text;

namespace KvStore.Protocol.Wire;

/// <summary>Reads the fields of a message body, little-endian, never past its end.</summary>
/// <remarks>
/// Every method throws <see cref="WireException"/> when the field does not fit into what is left. Bytes behind the last field a reader knows are
/// ignored: that is how messages grow. No length that was read is trusted with memory before that many bytes are known to be here.
/// </remarks>
public ref struct WireReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    public int Position { get; private set; }

    public readonly int Remaining => _bytes.Length - Position;

    public byte ReadUInt8() => ReadBytes(1)[0];

    /// <summary>One byte, 0 or 1.</summary>
    public bool ReadBool() => ReadUInt8() switch
    {
        0 => false,
        1 => true,
        var other => throw new WireException(WireError.Malformed, $"{other} is no boolean"),
    };

    public ushort ReadUInt16() => BinaryPrimitives.ReadUInt16LittleEndian(ReadBytes(sizeof(ushort)));

    public uint ReadUInt32() => BinaryPrimitives.ReadUInt32LittleEndian(ReadBytes(sizeof(uint)));

    public int ReadInt32() => BinaryPrimitives.ReadInt32LittleEndian(ReadBytes(sizeof(int)));

    public ulong ReadUInt64() => BinaryPrimitives.ReadUInt64LittleEndian(ReadBytes(sizeof(ulong)));

    public UInt128 ReadUInt128() => BinaryPrimitives.ReadUInt128LittleEndian(ReadBytes(16));

    /// <summary>The next <paramref name="count"/> bytes, in place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReadOnlySpan<byte> ReadBytes(int count)
    {
        if ((uint)count > (uint)Remaining) ThrowTruncated();
        var result = _bytes.Slice(Position, count);
        Position += count;
        return result;
    }

    /// <summary>u8 length, then the bytes, in place.</summary>
    public ReadOnlySpan<byte> ReadBytes8() => ReadBytes(ReadUInt8());

    /// <summary>u16 length, then the bytes, in place.</summary>
    public ReadOnlySpan<byte> ReadBytes16() => ReadBytes(ReadUInt16());

    /// <summary>u32 length, then the bytes, in place.</summary>
    public ReadOnlySpan<byte> ReadBytes32()
    {
        var length = ReadUInt32();
        if (length > (uint)Remaining) ThrowTruncated();
        return ReadBytes((int)length);
    }

    /// <summary>u16 length, then UTF-8. Invalid sequences become U+FFFD.</summary>
    public string ReadString() => Encoding.UTF8.GetString(ReadBytes16());

    /// <summary>A u16 count of elements that take at least <paramref name="minElementBytes"/> each: refused when they cannot be here.</summary>
    public int ReadCount(int minElementBytes, int max = ushort.MaxValue)
    {
        var count = ReadUInt16();
        if (count > max) throw new WireException(WireError.Malformed, $"a list of {count} is above the limit of {max}");
        if ((long)count * minElementBytes > Remaining) ThrowTruncated();
        return count;
    }

    public TraceContext ReadTraceContext()
    {
        var bytes = ReadBytes(TraceContext.Size);
        return new TraceContext(BinaryPrimitives.ReadUInt128BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[16..]), bytes[24]);
    }

    [DoesNotReturn]
    private static void ThrowTruncated() => throw new WireException(WireError.Truncated, "a message ends before its fields do");
}

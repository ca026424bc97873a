using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Text;

namespace KvStore.Protocol.Wire;

/// <summary>Writes the fields of a message body, little-endian, into a buffer writer. <see cref="Complete"/> hands over what was written last.</summary>
public ref struct WireWriter(IBufferWriter<byte> output)
{
    private const int ChunkBytes = 256;
    private readonly IBufferWriter<byte> _output = output;
    private Span<byte> _chunk;
    private int _used;

    public void UInt8(byte value) => Take(1)[0] = value;

    public void Bool(bool value) => UInt8(value ? (byte)1 : (byte)0);

    public void UInt16(ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(Take(sizeof(ushort)), value);

    public void UInt32(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Take(sizeof(uint)), value);

    public void Int32(int value) => BinaryPrimitives.WriteInt32LittleEndian(Take(sizeof(int)), value);

    public void UInt64(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Take(sizeof(ulong)), value);

    public void UInt128(UInt128 value) => BinaryPrimitives.WriteUInt128LittleEndian(Take(16), value);

    /// <summary>The bytes alone.</summary>
    public void Bytes(ReadOnlySpan<byte> value)
    {
        while (true)
        {
            var free = _chunk.Length - _used;
            var part = Math.Min(free, value.Length);
            value[..part].CopyTo(_chunk[_used..]);
            _used += part;
            if (part == value.Length) return;
            value = value[part..];
            Refill(Math.Min(value.Length, 64 << 10));
        }
    }

    /// <summary>u8 length, then the bytes: at most 255.</summary>
    public void Bytes8(ReadOnlySpan<byte> value)
    {
        UInt8(checked((byte)value.Length));
        Bytes(value);
    }

    /// <summary>u16 length, then the bytes: at most 65,535.</summary>
    public void Bytes16(ReadOnlySpan<byte> value)
    {
        UInt16(checked((ushort)value.Length));
        Bytes(value);
    }

    /// <summary>u32 length, then the bytes.</summary>
    public void Bytes32(ReadOnlySpan<byte> value)
    {
        UInt32((uint)value.Length);
        Bytes(value);
    }

    /// <summary>u16 length, then UTF-8: at most 65,535 bytes.</summary>
    public void String(string value)
    {
        var length = Encoding.UTF8.GetByteCount(value);
        UInt16(checked((ushort)length));
        Encoding.UTF8.GetBytes(value, Take(length));
    }

    /// <summary>A u16 count of elements.</summary>
    public void Count(int count) => UInt16(checked((ushort)count));

    /// <summary>Hands everything written to the buffer writer. Nothing may be written afterwards.</summary>
    public void Complete()
    {
        _output.Advance(_used);
        _chunk = default;
        _used = 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Span<byte> Take(int count)
    {
        if (_chunk.Length - _used < count) Refill(count);
        var result = _chunk.Slice(_used, count);
        _used += count;
        return result;
    }

    private void Refill(int count)
    {
        if (_used > 0) _output.Advance(_used);
        _used = 0;
        _chunk = _output.GetSpan(Math.Max(count, ChunkBytes));
    }
}

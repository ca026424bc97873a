using System.Buffers;
using System.Buffers.Binary;

namespace KvStore.Core.Node;

/// <summary>A growing array that bodies of frames are built in and read as spans: one owner, reused from one frame to the next.</summary>
public sealed class ByteBuffer : IBufferWriter<byte>
{
    private const int KeepBytes = 1 << 20;
    private byte[] _bytes = [];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    /// <summary>Room for <paramref name="count"/> bytes, already counted as written.</summary>
    public Span<byte> Take(int count)
    {
        Reserve(count);
        var span = _bytes.AsSpan(Length, count);
        Length += count;
        return span;
    }

    public void Append(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Take(bytes.Length));

    /// <summary>Overwrites four bytes at <paramref name="position"/>, for a length that is known only at the end.</summary>
    public void PatchUInt32(int position, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(position), value);

    /// <summary>Drops what was written after <paramref name="length"/>.</summary>
    public void TruncateTo(int length) => Length = Math.Min(Length, length);

    /// <summary>Empties the buffer; a very large array is given back.</summary>
    public void Clear()
    {
        Length = 0;
        if (_bytes.Length > KeepBytes) _bytes = [];
    }

    public void Advance(int count) => Length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 256));
        return _bytes.AsMemory(Length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 256));
        return _bytes.AsSpan(Length);
    }

    private void Reserve(int count)
    {
        if (_bytes.Length - Length < count) Array.Resize(ref _bytes, Math.Max(Length + count, Math.Max(4096, _bytes.Length * 2)));
    }
}

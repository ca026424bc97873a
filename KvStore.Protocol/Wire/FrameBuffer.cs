using System.Buffers;

namespace KvStore.Protocol.Wire;

/// <summary>
/// A growing rented array in which frames are built one behind the other. One owner, not thread-safe. <see cref="Clear"/> keeps the array for
/// the next use unless it has grown large; <see cref="Dispose"/> gives it back.
/// </summary>
public sealed class FrameBuffer : IBufferWriter<byte>, IDisposable
{
    private const int FirstBytes = 4096;
    private const int KeepBytes = 1 << 20;
    private byte[] _bytes = [];

    /// <summary>Bytes written so far.</summary>
    public int Length { get; private set; }

    /// <summary>Valid until the next change of the buffer.</summary>
    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    /// <inheritdoc cref="Written"/>
    public ReadOnlyMemory<byte> WrittenMemory => _bytes.AsMemory(0, Length);

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _bytes.Length - Length);
        Length += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsMemory(Length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsSpan(Length);
    }

    public void Clear()
    {
        Length = 0;
        if (_bytes.Length > KeepBytes) Dispose();
    }

    public void Dispose()
    {
        if (_bytes.Length > 0) ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
        Length = 0;
    }

    /// <summary>Cuts the buffer back to <paramref name="length"/> bytes.</summary>
    internal void Truncate(int length) => Length = Math.Min(Length, length);

    /// <summary>The bytes from <paramref name="start"/> on, to be overwritten in place.</summary>
    internal Span<byte> From(int start) => _bytes.AsSpan(start, Length - start);

    private void Reserve(int sizeHint)
    {
        var needed = Math.Max(sizeHint, 1);
        if (_bytes.Length - Length >= needed) return;
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(checked(Length + needed), Math.Max(FirstBytes, (int)Math.Min(_bytes.Length * 2L, Array.MaxLength))));
        Written.CopyTo(larger);
        if (_bytes.Length > 0) ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = larger;
    }
}

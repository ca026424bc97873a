using System.Buffers;
using System.Buffers.Binary;
using K4os.Compression.LZ4;

namespace KvStore.Protocol.Wire;

/// <summary>The body of a frame as one span: in place where it lies in one piece, else in a rented array that Dispose gives back.</summary>
public ref struct FrameBody
{
    private byte[]? _rented;

    private FrameBody(ReadOnlySpan<byte> span, byte[]? rented)
    {
        Span = span;
        _rented = rented;
    }

    /// <summary>Valid until Dispose, and no longer than the frame.</summary>
    public ReadOnlySpan<byte> Span { get; private set; }

    /// <summary>Joins and decompresses the body of <paramref name="frame"/>.</summary>
    /// <param name="frame">A frame whose buffer has not been advanced.</param>
    /// <param name="limitBytes">Largest size after decompression, checked before memory is taken for it.</param>
    /// <exception cref="WireException">Larger than the limit, or damaged.</exception>
    public static FrameBody Open(in Frame frame, int limitBytes = Limits.FrameBytes)
    {
        var body = frame.Body;
        if (body.IsSingleSegment) return frame.IsCompressed ? Decompress(body.FirstSpan, limitBytes) : new FrameBody(body.FirstSpan, null);
        var length = (int)body.Length;
        var joined = ArrayPool<byte>.Shared.Rent(length);
        body.CopyTo(joined);
        if (!frame.IsCompressed) return new FrameBody(joined.AsSpan(0, length), joined);
        try
        {
            return Decompress(joined.AsSpan(0, length), limitBytes);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(joined);
        }
    }

    public void Dispose()
    {
        Span = default;
        if (_rented is not { } rented) return;
        _rented = null;
        ArrayPool<byte>.Shared.Return(rented);
    }

    private static FrameBody Decompress(ReadOnlySpan<byte> bytes, int limitBytes)
    {
        if (bytes.Length < sizeof(uint)) throw new WireException(WireError.Truncated, "a compressed body is shorter than its length field");
        var rawLength = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        if (rawLength > (uint)limitBytes) throw new WireException(WireError.FrameTooLarge, $"a compressed body of {rawLength} bytes is above the limit of {limitBytes}");
        // LZ4 cannot shrink by more than a factor of 255: a claim beyond it is refused before memory is taken for it.
        var block = bytes[sizeof(uint)..];
        if (rawLength == 0 || rawLength / 255 > (uint)block.Length) throw BadCompression();
        var raw = ArrayPool<byte>.Shared.Rent((int)rawLength);
        if (LZ4Codec.Decode(block, raw.AsSpan(0, (int)rawLength)) == (int)rawLength) return new FrameBody(raw.AsSpan(0, (int)rawLength), raw);
        ArrayPool<byte>.Shared.Return(raw);
        throw BadCompression();
    }

    private static WireException BadCompression() => new(WireError.BadCompression, "a compressed body does not decompress to its stated size");
}

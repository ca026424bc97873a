using System.Buffers;
using System.Buffers.Binary;
using System.IO.Hashing;
using K4os.Compression.LZ4;

namespace KvStore.Protocol.Wire;

/// <summary>What a frame carries beside its body.</summary>
/// <param name="DeadlineMs">Milliseconds the sender will wait; 0 = not stated.</param>
/// <param name="Compress">Compress a body above <see cref="FrameWriter.CompressFromBytes"/> where that saves an eighth. Only for receivers that declared <see cref="Features.AcceptsLz4"/>.</param>
public readonly record struct FrameOptions(uint DeadlineMs = 0, TraceContext Trace = default, bool Compress = false);

/// <summary>Writes frames; the layout is at <see cref="Frame.HeaderSize"/>.</summary>
public static class FrameWriter
{
    /// <summary>Bodies below this size are never compressed.</summary>
    public const int CompressFromBytes = 1024;

    private const int ContiguousBytes = 32 << 10;

    [ThreadStatic]
    private static XxHash3? t_hash;

    /// <summary>
    /// Starts a frame in place: the caller then writes the body to <paramref name="buffer"/> and calls <see cref="End"/> with what this returned.
    /// </summary>
    public static int Begin(FrameBuffer buffer, FrameType type, ulong requestId, in FrameOptions options = default)
    {
        var start = buffer.Length;
        WriteHeader(buffer, type, requestId, options, FlagsOf(options));
        return start;
    }

    /// <summary>Ends the frame that <see cref="Begin"/> started: compresses the body if asked to, fills in length and checksum.</summary>
    /// <exception cref="WireException">The frame is above <see cref="Limits.FrameBytes"/>; it was taken back.</exception>
    public static void End(FrameBuffer buffer, int start, in FrameOptions options = default)
    {
        var bodyStart = start + Frame.HeaderSize + OptionalBytes(options);
        if (options.Compress && buffer.Length - bodyStart >= CompressFromBytes) CompressInPlace(buffer, start, bodyStart);
        var frame = buffer.From(start);
        var length = frame.Length - Frame.LengthSize;
        if (length > Limits.FrameBytes)
        {
            buffer.Truncate(start);
            throw TooLarge(length);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(frame, (uint)length);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[4..], (uint)XxHash3.HashToUInt64(frame[8..]));
    }

    /// <summary>Writes a whole frame with a body that is already encoded.</summary>
    /// <exception cref="WireException">The frame is above <see cref="Limits.FrameBytes"/>; nothing was written.</exception>
    public static void Write(IBufferWriter<byte> output, FrameType type, ulong requestId, ReadOnlySpan<byte> body, in FrameOptions options = default)
    {
        if (options.Compress && body.Length >= CompressFromBytes)
        {
            var packed = ArrayPool<byte>.Shared.Rent(LargestUseful(body.Length));
            var packedLength = Pack(body, packed);
            if (packedLength > 0) WriteParts(output, type, requestId, packed.AsSpan(0, packedLength), options, FlagsOf(options) | FrameFlags.Compressed);
            ArrayPool<byte>.Shared.Return(packed);
            if (packedLength > 0) return;
        }

        WriteParts(output, type, requestId, body, options, FlagsOf(options));
    }

    private static void WriteParts(
        IBufferWriter<byte> output, FrameType type, ulong requestId, ReadOnlySpan<byte> body, in FrameOptions options, FrameFlags flags)
    {
        var headSize = Frame.HeaderSize + OptionalBytes(options);
        var length = headSize - Frame.LengthSize + body.Length;
        if (length > Limits.FrameBytes) throw TooLarge(length);
        var contiguous = body.Length <= ContiguousBytes;
        var span = output.GetSpan(contiguous ? headSize + body.Length : headSize);
        var head = span[..headSize];
        FillHeader(head, type, requestId, options, flags);
        BinaryPrimitives.WriteUInt32LittleEndian(head, (uint)length);
        if (contiguous)
        {
            body.CopyTo(span[headSize..]);
            BinaryPrimitives.WriteUInt32LittleEndian(head[4..], (uint)XxHash3.HashToUInt64(span[8..(headSize + body.Length)]));
            output.Advance(headSize + body.Length);
            return;
        }

        var hash = t_hash ??= new XxHash3();
        hash.Append(head[8..]);
        hash.Append(body);
        BinaryPrimitives.WriteUInt32LittleEndian(head[4..], (uint)hash.GetCurrentHashAsUInt64());
        hash.Reset();
        output.Advance(headSize);
        output.Write(body);
    }

    private static void WriteHeader(IBufferWriter<byte> output, FrameType type, ulong requestId, in FrameOptions options, FrameFlags flags)
    {
        var size = Frame.HeaderSize + OptionalBytes(options);
        FillHeader(output.GetSpan(size)[..size], type, requestId, options, flags);
        output.Advance(size);
    }

    private static void FillHeader(Span<byte> head, FrameType type, ulong requestId, in FrameOptions options, FrameFlags flags)
    {
        head[..8].Clear();
        head[8] = (byte)type;
        head[9] = (byte)flags;
        BinaryPrimitives.WriteUInt16LittleEndian(head[10..], 0);
        BinaryPrimitives.WriteUInt64LittleEndian(head[12..], requestId);
        var rest = head[Frame.HeaderSize..];
        if (options.DeadlineMs != 0)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(rest, options.DeadlineMs);
            rest = rest[sizeof(uint)..];
        }

        if (options.Trace.IsNone) return;
        BinaryPrimitives.WriteUInt128BigEndian(rest, options.Trace.TraceId);
        BinaryPrimitives.WriteUInt64BigEndian(rest[16..], options.Trace.SpanId);
        rest[24] = options.Trace.Flags;
    }

    private static void CompressInPlace(FrameBuffer buffer, int start, int bodyStart)
    {
        var body = buffer.From(bodyStart);
        var packed = ArrayPool<byte>.Shared.Rent(LargestUseful(body.Length));
        var packedLength = Pack(body, packed);
        if (packedLength > 0)
        {
            packed.AsSpan(0, packedLength).CopyTo(body);
            buffer.Truncate(bodyStart + packedLength);
            buffer.From(start)[9] |= (byte)FrameFlags.Compressed;
        }

        ArrayPool<byte>.Shared.Return(packed);
    }

    /// <summary>Length field and LZ4 block; 0 when that does not save an eighth.</summary>
    private static int Pack(ReadOnlySpan<byte> body, Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, (uint)body.Length);
        var written = LZ4Codec.Encode(body, destination[sizeof(uint)..LargestUseful(body.Length)]);
        return written <= 0 ? 0 : written + sizeof(uint);
    }

    private static int LargestUseful(int rawLength) => rawLength - (rawLength / 8);

    private static FrameFlags FlagsOf(in FrameOptions options) =>
        (options.DeadlineMs != 0 ? FrameFlags.Deadline : 0) | (options.Trace.IsNone ? 0 : FrameFlags.Trace);

    private static int OptionalBytes(in FrameOptions options) =>
        (options.DeadlineMs != 0 ? sizeof(uint) : 0) + (options.Trace.IsNone ? 0 : TraceContext.Size);

    private static WireException TooLarge(int length) =>
        new(WireError.FrameTooLarge, $"a frame of {length} bytes is above the limit of {Limits.FrameBytes}");
}

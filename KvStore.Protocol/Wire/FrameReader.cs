using System.Buffers;
using System.Buffers.Binary;
using System.IO.Hashing;

namespace KvStore.Protocol.Wire;

/// <summary>Cuts frames from received bytes. Stateless; the layout is at <see cref="Frame.HeaderSize"/>.</summary>
public static class FrameReader
{
    private const FrameFlags KnownFlags = FrameFlags.Compressed | FrameFlags.Deadline | FrameFlags.Trace;

    [ThreadStatic]
    private static XxHash3? t_hash;

    /// <summary>Takes the first frame off <paramref name="buffer"/> if it is there as a whole; else leaves the buffer as it is and returns false.</summary>
    /// <param name="buffer">Received bytes; starts behind the frame afterwards.</param>
    /// <param name="limitBytes">Largest length field accepted, checked as soon as its four bytes are here and before anything is awaited for it.</param>
    /// <param name="frame">Points into the buffer's memory.</param>
    /// <exception cref="WireException">The stream cannot be followed any further: close the connection.</exception>
    public static bool TryRead(ref ReadOnlySequence<byte> buffer, int limitBytes, out Frame frame)
    {
        frame = default;
        if (buffer.Length < Frame.LengthSize) return false;
        var length = ReadLength(buffer);
        if (length > (uint)limitBytes)
            throw new WireException(WireError.FrameTooLarge, $"a frame of {length} bytes is above the limit of {limitBytes}");
        if (length < Frame.MinLength) throw new WireException(WireError.FrameTooSmall, $"a frame of {length} bytes is too short for its header");
        if (buffer.Length - Frame.LengthSize < length) return false;

        var content = buffer.Slice(Frame.LengthSize, length);
        buffer = buffer.Slice(content.End);
        frame = Parse(content);
        return true;
    }

    private static uint ReadLength(in ReadOnlySequence<byte> buffer)
    {
        if (buffer.FirstSpan.Length >= Frame.LengthSize) return BinaryPrimitives.ReadUInt32LittleEndian(buffer.FirstSpan);
        Span<byte> bytes = stackalloc byte[Frame.LengthSize];
        buffer.Slice(0, Frame.LengthSize).CopyTo(bytes);
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    private static Frame Parse(in ReadOnlySequence<byte> content)
    {
        Span<byte> copy = stackalloc byte[Frame.MinLength + sizeof(uint) + TraceContext.Size];
        scoped var first = content.FirstSpan;
        if (first.Length < copy.Length && !content.IsSingleSegment)
        {
            copy = copy[..(int)Math.Min(copy.Length, content.Length)];
            content.Slice(0, copy.Length).CopyTo(copy);
            first = copy;
        }

        var reader = new WireReader(first);
        var checksum = reader.ReadUInt32();
        if (checksum != ChecksumOf(content.Slice(Frame.ChecksumSize))) throw new WireException(WireError.BadChecksum, "a frame's checksum is wrong");
        var type = (FrameType)reader.ReadUInt8();
        var flags = (FrameFlags)reader.ReadUInt8();
        if ((flags & ~KnownFlags) != 0 || reader.ReadUInt16() != 0)
            throw new WireException(WireError.Malformed, "a frame has flags that this version does not know");
        var requestId = reader.ReadUInt64();
        var deadlineMs = (flags & FrameFlags.Deadline) != 0 ? reader.ReadUInt32() : 0;
        var trace = (flags & FrameFlags.Trace) != 0 ? reader.ReadTraceContext() : default;
        return new Frame(type, flags, requestId, deadlineMs, trace, content.Slice(reader.Position));
    }

    private static uint ChecksumOf(in ReadOnlySequence<byte> bytes)
    {
        if (bytes.IsSingleSegment) return (uint)XxHash3.HashToUInt64(bytes.FirstSpan);
        var hash = t_hash ??= new XxHash3();
        foreach (var segment in bytes) hash.Append(segment.Span);
        var result = (uint)hash.GetCurrentHashAsUInt64();
        hash.Reset();
        return result;
    }
}

using System.Buffers.Binary;
using KvStore.Protocol.Wire;

namespace KvStore.Core.Node;

/// <summary>A client's request inside a peer frame, and its reply: the bodies are those of the client protocol, so they are passed on as they are.</summary>
/// <remarks>Forward: u8 frame type, u64 nanoseconds left, body. ForwardReply: u8 frame type, body. The request id is the forwarding node's own.</remarks>
internal static class ForwardCodec
{
    public static void WriteRequest(ByteBuffer buffer, FrameType type, long remainingNs, ReadOnlySpan<byte> body)
    {
        var head = buffer.Take(9);
        head[0] = (byte)type;
        BinaryPrimitives.WriteInt64LittleEndian(head[1..], Math.Max(0, remainingNs));
        buffer.Append(body);
    }

    public static bool TryReadRequest(ReadOnlySpan<byte> frame, out FrameType type, out long remainingNs, out ReadOnlySpan<byte> body)
    {
        type = default;
        remainingNs = 0;
        body = default;
        if (frame.Length < 9) return false;
        type = (FrameType)frame[0];
        remainingNs = BinaryPrimitives.ReadInt64LittleEndian(frame[1..]);
        body = frame[9..];
        return remainingNs >= 0;
    }

    public static void WriteReply(ByteBuffer buffer, FrameType type, ReadOnlySpan<byte> body)
    {
        buffer.Take(1)[0] = (byte)type;
        buffer.Append(body);
    }

    public static bool TryReadReply(ReadOnlySpan<byte> frame, out FrameType type, out ReadOnlySpan<byte> body)
    {
        type = frame.Length > 0 ? (FrameType)frame[0] : default;
        body = frame.Length > 0 ? frame[1..] : default;
        return frame.Length > 0;
    }
}

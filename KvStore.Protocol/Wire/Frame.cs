using System.Buffers;

namespace KvStore.Protocol.Wire;

/// <summary>
/// One frame as it lies in the receive buffer. <see cref="Body"/> is still compressed if the flag says so and is valid only until the buffer
/// is advanced: open it with <see cref="FrameBody.Open"/>.
/// </summary>
/// <param name="DeadlineMs">Milliseconds the sender will wait from its sending on; 0 = it did not say.</param>
public readonly record struct Frame(
    FrameType Type, FrameFlags Flags, ulong RequestId, uint DeadlineMs, TraceContext Trace, ReadOnlySequence<byte> Body)
{
    /// <summary>
    /// Length field, checksum, type, flags, reserved, request id. Layout (little-endian):
    /// <code>
    /// u32 length    bytes after this field
    /// u32 checksum  low 32 bits of XXH3-64 (seed 0) of everything after this field
    /// u8  type
    /// u8  flags
    /// u16 reserved  0
    /// u64 request id
    /// [u32 deadline ms] [25 bytes trace context] body
    /// </code>
    /// </summary>
    public const int HeaderSize = LengthSize + MinLength;

    internal const int LengthSize = 4;
    internal const int ChecksumSize = 4;

    /// <summary>The length field of a frame without optional parts and body.</summary>
    internal const int MinLength = ChecksumSize + 12;

    public bool IsCompressed => (Flags & FrameFlags.Compressed) != 0;

    /// <summary>Whether the type belongs to the frames between nodes.</summary>
    public bool IsPeerFrame => Type is >= FrameType.FirstPeer and <= FrameType.LastPeer;
}

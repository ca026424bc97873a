using System.Buffers;
using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Messages;

/// <summary>
/// The answer to a Hello that was accepted, request id 0.
/// <code>
/// u8 version, u16 node (0 = not yet a member), u128 cluster id (0 = not yet initialised), u64 incarnation, u64 boot id,
/// u64 topology version, u64 features, u32 key limit, u32 value limit, u32 frame limit, u16 pending requests,
/// string build version, u16 n + n bytes auth nonce, u16 n + n bytes auth proof
/// </code>
/// </summary>
public sealed record HelloAck
{
    /// <summary>The version both sides speak from here on.</summary>
    public byte Version { get; init; } = ProtocolVersion.Max;

    public ushort Node { get; init; }

    public UInt128 ClusterId { get; init; }

    public ulong Incarnation { get; init; }

    public ulong BootId { get; init; }

    public ulong TopologyVersion { get; init; }

    public Features Features { get; init; } = Features.AcceptsLz4;

    public uint KeyBytes { get; init; } = Limits.KeyBytes;

    public uint ValueBytes { get; init; } = Limits.ValueBytes;

    public uint FrameBytes { get; init; } = Limits.FrameBytes;

    /// <summary>Requests the server takes before it stops reading; at least 1.</summary>
    public ushort PendingRequests { get; init; } = Limits.PendingRequests;

    /// <summary>The server's build, at most 255 bytes.</summary>
    public string BuildVersion { get; init; } = "";

    /// <summary>Empty until authentication is switched on.</summary>
    public ReadOnlyMemory<byte> AuthNonce { get; init; }

    /// <inheritdoc cref="AuthNonce"/>
    public ReadOnlyMemory<byte> AuthProof { get; init; }

    public void Encode(IBufferWriter<byte> output)
    {
        var writer = new WireWriter(output);
        writer.UInt8(Version);
        writer.UInt16(Node);
        writer.UInt128(ClusterId);
        writer.UInt64(Incarnation);
        writer.UInt64(BootId);
        writer.UInt64(TopologyVersion);
        writer.UInt64((ulong)Features);
        writer.UInt32(KeyBytes);
        writer.UInt32(ValueBytes);
        writer.UInt32(FrameBytes);
        writer.UInt16(PendingRequests);
        writer.String(BuildVersion);
        writer.Bytes16(AuthNonce.Span);
        writer.Bytes16(AuthProof.Span);
        writer.Complete();
    }

    /// <exception cref="WireException">Truncated or malformed.</exception>
    public static HelloAck Decode(ReadOnlySpan<byte> body)
    {
        var reader = new WireReader(body);
        return new HelloAck
        {
            Version = reader.ReadUInt8(),
            Node = reader.ReadUInt16(),
            ClusterId = reader.ReadUInt128(),
            Incarnation = reader.ReadUInt64(),
            BootId = reader.ReadUInt64(),
            TopologyVersion = reader.ReadUInt64(),
            Features = (Features)reader.ReadUInt64(),
            KeyBytes = reader.ReadUInt32(),
            ValueBytes = reader.ReadUInt32(),
            FrameBytes = reader.ReadUInt32(),
            PendingRequests = reader.ReadUInt16() is > 0 and var pending ? pending : throw new WireException(WireError.Malformed, "no request may be pending"),
            BuildVersion = reader.ReadString(),
            AuthNonce = reader.ReadBytes16().ToArray(),
            AuthProof = reader.ReadBytes16().ToArray(),
        };
    }
}

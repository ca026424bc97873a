using System.Buffers;
using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Messages;

/// <summary>Who opens a connection.</summary>
public enum ConnectionRole : byte
{
    Client = 1,
    Peer = 2,
}

/// <summary>What a connection is for. Peers open one of each of the last three.</summary>
public enum ConnectionLane : byte
{
    Client = 0,

    /// <summary>Heartbeats, votes, acknowledgements.</summary>
    Control = 1,

    /// <summary>Log entries and forwarded requests.</summary>
    Log = 2,

    /// <summary>Snapshots.</summary>
    Bulk = 3,
}

/// <summary>
/// The first frame of a connection, request id 0.
/// <code>
/// "KVD1", u8 min version, u8 max version, u8 role, u8 lane, u16 node (0 = none), u128 cluster id (0 = any),
/// u64 incarnation, u64 boot id, u64 features, string name, u16 n + n bytes auth nonce, u16 n + n bytes auth proof
/// </code>
/// </summary>
public sealed record Hello
{
    private static ReadOnlySpan<byte> Magic => "KVD1"u8;

    public byte MinVersion { get; init; } = ProtocolVersion.Min;

    public byte MaxVersion { get; init; } = ProtocolVersion.Max;

    public ConnectionRole Role { get; init; } = ConnectionRole.Client;

    public ConnectionLane Lane { get; init; } = ConnectionLane.Client;

    /// <summary>The sender's node id; 0 for clients.</summary>
    public ushort Node { get; init; }

    /// <summary>The cluster the sender means; 0 for any.</summary>
    public UInt128 ClusterId { get; init; }

    /// <summary>Random number of the sender's data directory; 0 for clients.</summary>
    public ulong Incarnation { get; init; }

    /// <summary>Number of the sender's present start; 0 for clients.</summary>
    public ulong BootId { get; init; }

    public Features Features { get; init; } = Features.AcceptsLz4;

    /// <summary>For people reading logs: program and version, at most 255 bytes.</summary>
    public string Name { get; init; } = "";

    /// <summary>Empty until authentication is switched on.</summary>
    public ReadOnlyMemory<byte> AuthNonce { get; init; }

    /// <inheritdoc cref="AuthNonce"/>
    public ReadOnlyMemory<byte> AuthProof { get; init; }

    public void Encode(IBufferWriter<byte> output)
    {
        var writer = new WireWriter(output);
        writer.Bytes(Magic);
        writer.UInt8(MinVersion);
        writer.UInt8(MaxVersion);
        writer.UInt8((byte)Role);
        writer.UInt8((byte)Lane);
        writer.UInt16(Node);
        writer.UInt128(ClusterId);
        writer.UInt64(Incarnation);
        writer.UInt64(BootId);
        writer.UInt64((ulong)Features);
        writer.String(Name);
        writer.Bytes16(AuthNonce.Span);
        writer.Bytes16(AuthProof.Span);
        writer.Complete();
    }

    /// <summary>Fields of later versions stand behind these, so that a Hello of any version can be read as far as the versions.</summary>
    /// <exception cref="WireException">Not a Hello.</exception>
    public static Hello Decode(ReadOnlySpan<byte> body)
    {
        var reader = new WireReader(body);
        if (!reader.ReadBytes(Magic.Length).SequenceEqual(Magic)) throw new WireException(WireError.Malformed, "not a Hello of this protocol");
        return new Hello
        {
            MinVersion = reader.ReadUInt8(),
            MaxVersion = reader.ReadUInt8(),
            Role = reader.ReadUInt8() switch
            {
                1 => ConnectionRole.Client,
                2 => ConnectionRole.Peer,
                var other => throw new WireException(WireError.Malformed, $"{other} is no role"),
            },
            Lane = reader.ReadUInt8() is <= 3 and var lane ? (ConnectionLane)lane : throw new WireException(WireError.Malformed, "no such lane"),
            Node = reader.ReadUInt16(),
            ClusterId = reader.ReadUInt128(),
            Incarnation = reader.ReadUInt64(),
            BootId = reader.ReadUInt64(),
            Features = (Features)reader.ReadUInt64(),
            Name = reader.ReadString(),
            AuthNonce = reader.ReadBytes16().ToArray(),
            AuthProof = reader.ReadBytes16().ToArray(),
        };
    }
}

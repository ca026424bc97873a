using System.Buffers;
using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Messages;

/// <summary>How far the formation of a cluster is.</summary>
public enum InitState : byte
{
    /// <summary>The cluster exists.</summary>
    Committed = 1,

    /// <summary>Prepared on the nodes that answered; ask again.</summary>
    Pending = 2,

    /// <summary>Given up.</summary>
    Aborted = 3,
}

/// <summary>
/// The reply to an <see cref="InitRequest"/> that was accepted.
/// <code>
/// u8 state, u128 cluster id, u32 partitions, u16 count, each: u16 node, string name, string address
/// </code>
/// </summary>
public sealed record InitReply
{
    public required InitState State { get; init; }

    public required UInt128 ClusterId { get; init; }

    public required uint Partitions { get; init; }

    public IReadOnlyList<InitMember> Members { get; init; } = [];

    public void Encode(IBufferWriter<byte> output)
    {
        var writer = new WireWriter(output);
        writer.UInt8((byte)State);
        writer.UInt128(ClusterId);
        writer.UInt32(Partitions);
        writer.Count(Members.Count);
        foreach (var member in Members)
        {
            writer.UInt16(member.Node);
            writer.String(member.Name);
            writer.String(member.Address);
        }

        writer.Complete();
    }

    /// <exception cref="WireException">Truncated or malformed.</exception>
    public static InitReply Decode(ReadOnlySpan<byte> body)
    {
        var reader = new WireReader(body);
        var state = (InitState)reader.ReadUInt8();
        var clusterId = reader.ReadUInt128();
        var partitions = reader.ReadUInt32();
        var members = new InitMember[reader.ReadCount(6, 1000)];
        for (var i = 0; i < members.Length; i++) members[i] = new InitMember(reader.ReadUInt16(), reader.ReadString(), reader.ReadString());
        return new InitReply { State = state, ClusterId = clusterId, Partitions = partitions, Members = members };
    }
}

/// <summary>A member as it was numbered.</summary>
public readonly record struct InitMember(ushort Node, string Name, string Address);

using System.Buffers;
using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Messages;

/// <summary>
/// Asks the node that receives it to form a cluster of the named empty nodes, or to give up a formation that has not been committed.
/// The same list and id may be sent again, to any of them, to resume.
/// <code>
/// u8 flags (1 abort), u128 cluster id, u32 partitions, u16 count, each: string address
/// </code>
/// </summary>
public sealed record InitRequest
{
    public bool Abort { get; init; }

    /// <summary>Drawn by the caller; not 0.</summary>
    public required UInt128 ClusterId { get; init; }

    /// <summary>A power of two, <see cref="Limits.MinPartitions"/> to <see cref="Limits.MaxPartitions"/>.</summary>
    public uint Partitions { get; init; } = Limits.DefaultPartitions;

    /// <summary>"host:port" of every member, at least three; members are numbered in this order from 1.</summary>
    public required IReadOnlyList<string> Members { get; init; }

    public void Encode(IBufferWriter<byte> output)
    {
        var writer = new WireWriter(output);
        writer.Bool(Abort);
        writer.UInt128(ClusterId);
        writer.UInt32(Partitions);
        writer.Count(Members.Count);
        foreach (var member in Members) writer.String(member);
        writer.Complete();
    }

    /// <exception cref="WireException">Truncated or malformed.</exception>
    public static InitRequest Decode(ReadOnlySpan<byte> body)
    {
        var reader = new WireReader(body);
        var abort = reader.ReadBool();
        var clusterId = reader.ReadUInt128();
        var partitions = reader.ReadUInt32();
        var members = new string[reader.ReadCount(2, 1000)];
        for (var i = 0; i < members.Length; i++) members[i] = reader.ReadString();
        return new InitRequest { Abort = abort, ClusterId = clusterId, Partitions = partitions, Members = members };
    }
}

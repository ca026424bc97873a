using System.Buffers;
using System.Numerics;
using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Messages;

/// <summary>What the topology wants of a member.</summary>
public enum WireMemberState : byte
{
    Active = 1,
    Joining = 2,
    Leaving = 3,
}

/// <summary>Whether a node is alive, as another one sees it.</summary>
public enum Liveness : byte
{
    Unknown = 0,
    Up = 1,
    Down = 2,
}

/// <summary>One member of the cluster.</summary>
/// <param name="Liveness">As the answering node sees it.</param>
public sealed record TopologyMember(
    ushort Node, string Name, string Address, string Zone, uint Weight, WireMemberState State, Liveness Liveness);

/// <summary>
/// The topology document as a client needs it, with the answering node's view of who leads. The request has an empty body.
/// <code>
/// u128 cluster id, u64 version, u32 P, u64 hint epoch
/// u16 count of members, each: u16 node, u8 state, u8 liveness, u32 weight, string name, string address, string zone
/// P times: 3 x u16 node, in preference order (0 = none)
/// P times: u16 believed primary (0 = unknown)
/// </code>
/// </summary>
public sealed record TopologyReply
{
    private const int BytesPerPartition = (Limits.Replicas + 1) * sizeof(ushort);

    public required UInt128 ClusterId { get; init; }

    public required ulong Version { get; init; }

    /// <summary>P: a power of two, at most <see cref="Limits.MaxPartitions"/>.</summary>
    public required int PartitionCount { get; init; }

    /// <summary>Rises whenever a hint of the answering node changes.</summary>
    public ulong HintEpoch { get; init; }

    public required IReadOnlyList<TopologyMember> Members { get; init; }

    /// <summary>P x 3 node ids, in preference order.</summary>
    public required ushort[] Replicas { get; init; }

    /// <summary>P node ids of believed primaries; 0 = unknown.</summary>
    public required ushort[] Leaders { get; init; }

    /// <summary>The three nodes of a partition, in preference order.</summary>
    public ReadOnlySpan<ushort> ReplicasOf(int partition) => Replicas.AsSpan(partition * Limits.Replicas, Limits.Replicas);

    public void Encode(IBufferWriter<byte> output)
    {
        if (Replicas.Length != PartitionCount * Limits.Replicas || Leaders.Length != PartitionCount)
            throw new InvalidOperationException("replicas and leaders must be given for every partition");
        var writer = new WireWriter(output);
        writer.UInt128(ClusterId);
        writer.UInt64(Version);
        writer.UInt32((uint)PartitionCount);
        writer.UInt64(HintEpoch);
        writer.Count(Members.Count);
        foreach (var member in Members)
        {
            writer.UInt16(member.Node);
            writer.UInt8((byte)member.State);
            writer.UInt8((byte)member.Liveness);
            writer.UInt32(member.Weight);
            writer.String(member.Name);
            writer.String(member.Address);
            writer.String(member.Zone);
        }

        foreach (var node in Replicas) writer.UInt16(node);
        foreach (var node in Leaders) writer.UInt16(node);
        writer.Complete();
    }

    /// <exception cref="WireException">Truncated or malformed.</exception>
    public static TopologyReply Decode(ReadOnlySpan<byte> body)
    {
        var reader = new WireReader(body);
        var clusterId = reader.ReadUInt128();
        var version = reader.ReadUInt64();
        var partitions = reader.ReadUInt32();
        if (partitions is < 2 or > Limits.MaxPartitions || !BitOperations.IsPow2(partitions))
            throw new WireException(WireError.Malformed, $"{partitions} is no number of partitions");
        var hintEpoch = reader.ReadUInt64();
        var members = new TopologyMember[reader.ReadCount(14, 1000)];
        for (var i = 0; i < members.Length; i++) members[i] = ReadMember(ref reader);
        if (reader.Remaining < partitions * BytesPerPartition) throw new WireException(WireError.Truncated, "partitions are missing");
        return new TopologyReply
        {
            ClusterId = clusterId,
            Version = version,
            PartitionCount = (int)partitions,
            HintEpoch = hintEpoch,
            Members = members,
            Replicas = ReadNodes(ref reader, (int)partitions * Limits.Replicas),
            Leaders = ReadNodes(ref reader, (int)partitions),
        };
    }

    private static TopologyMember ReadMember(ref WireReader reader)
    {
        var node = reader.ReadUInt16();
        var state = (WireMemberState)reader.ReadUInt8();
        var liveness = (Liveness)reader.ReadUInt8();
        var weight = reader.ReadUInt32();
        return new TopologyMember(node, reader.ReadString(), reader.ReadString(), reader.ReadString(), weight, state, liveness);
    }

    private static ushort[] ReadNodes(ref WireReader reader, int count)
    {
        var nodes = new ushort[count];
        for (var i = 0; i < count; i++) nodes[i] = reader.ReadUInt16();
        return nodes;
    }
}

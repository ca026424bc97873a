using System.Buffers;
using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Messages;

/// <summary>What a node says of itself.</summary>
public enum NodeState : byte
{
    Up = 1,
    Joining = 2,
    Leaving = 3,

    /// <summary>No cluster yet.</summary>
    NotInitialized = 4,

    /// <summary>Replaying its log.</summary>
    Starting = 5,

    /// <summary>Handing its primaries over before it stops.</summary>
    Draining = 6,
}

/// <summary>
/// One node's own figures; whoever wants the cluster's asks every member. The request has an empty body.
/// <code>
/// u16 node, u8 state, u128 cluster id, u64 topology version, u64 incarnation, u64 boot id, u64 uptime ms, u32 P, u32 replicas,
/// u64 records, u64 data bytes, u64 wal bytes, u32 lag ms, u32 fsync p95 us, i32 skew ms, u64 at-risk writes, u64 detached writes,
/// string name, string address, string zone, string build version, u16 count, each: u16 partition that it leads
/// </code>
/// </summary>
public sealed record StatusReply
{
    public ushort Node { get; init; }

    public required NodeState State { get; init; }

    public UInt128 ClusterId { get; init; }

    public ulong TopologyVersion { get; init; }

    public ulong Incarnation { get; init; }

    public ulong BootId { get; init; }

    public ulong UptimeMs { get; init; }

    /// <summary>P; 0 before there is a cluster.</summary>
    public uint PartitionCount { get; init; }

    /// <summary>Partitions of which it holds a replica.</summary>
    public uint Replicas { get; init; }

    /// <summary>Live records in them.</summary>
    public ulong Records { get; init; }

    public ulong DataBytes { get; init; }

    public ulong WalBytes { get; init; }

    /// <summary>The largest staleness bound among the partitions it follows.</summary>
    public uint LagMs { get; init; }

    public uint FsyncP95Us { get; init; }

    /// <summary>Its clock against the median of its peers; positive = ahead.</summary>
    public int SkewMs { get; init; }

    /// <summary>Acknowledged fast writes that no majority holds yet.</summary>
    public ulong AtRiskWrites { get; init; }

    public ulong DetachedWrites { get; init; }

    public string Name { get; init; } = "";

    public string Address { get; init; } = "";

    public string Zone { get; init; } = "";

    public string BuildVersion { get; init; } = "";

    /// <summary>The partitions whose primary it is.</summary>
    public IReadOnlyList<ushort> Leads { get; init; } = [];

    public void Encode(IBufferWriter<byte> output)
    {
        var writer = new WireWriter(output);
        writer.UInt16(Node);
        writer.UInt8((byte)State);
        writer.UInt128(ClusterId);
        writer.UInt64(TopologyVersion);
        writer.UInt64(Incarnation);
        writer.UInt64(BootId);
        writer.UInt64(UptimeMs);
        writer.UInt32(PartitionCount);
        writer.UInt32(Replicas);
        writer.UInt64(Records);
        writer.UInt64(DataBytes);
        writer.UInt64(WalBytes);
        writer.UInt32(LagMs);
        writer.UInt32(FsyncP95Us);
        writer.Int32(SkewMs);
        writer.UInt64(AtRiskWrites);
        writer.UInt64(DetachedWrites);
        writer.String(Name);
        writer.String(Address);
        writer.String(Zone);
        writer.String(BuildVersion);
        writer.Count(Leads.Count);
        foreach (var partition in Leads) writer.UInt16(partition);
        writer.Complete();
    }

    /// <exception cref="WireException">Truncated or malformed.</exception>
    public static StatusReply Decode(ReadOnlySpan<byte> body)
    {
        var reader = new WireReader(body);
        return new StatusReply
        {
            Node = reader.ReadUInt16(),
            State = (NodeState)reader.ReadUInt8(),
            ClusterId = reader.ReadUInt128(),
            TopologyVersion = reader.ReadUInt64(),
            Incarnation = reader.ReadUInt64(),
            BootId = reader.ReadUInt64(),
            UptimeMs = reader.ReadUInt64(),
            PartitionCount = reader.ReadUInt32(),
            Replicas = reader.ReadUInt32(),
            Records = reader.ReadUInt64(),
            DataBytes = reader.ReadUInt64(),
            WalBytes = reader.ReadUInt64(),
            LagMs = reader.ReadUInt32(),
            FsyncP95Us = reader.ReadUInt32(),
            SkewMs = reader.ReadInt32(),
            AtRiskWrites = reader.ReadUInt64(),
            DetachedWrites = reader.ReadUInt64(),
            Name = reader.ReadString(),
            Address = reader.ReadString(),
            Zone = reader.ReadString(),
            BuildVersion = reader.ReadString(),
            Leads = ReadPartitions(ref reader),
        };
    }

    private static ushort[] ReadPartitions(ref WireReader reader)
    {
        var partitions = new ushort[reader.ReadCount(sizeof(ushort), Limits.MaxPartitions)];
        for (var i = 0; i < partitions.Length; i++) partitions[i] = reader.ReadUInt16();
        return partitions;
    }
}

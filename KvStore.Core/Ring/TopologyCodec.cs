using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using KvStore.Core.Primitives;

namespace KvStore.Core.Ring;

/// <summary>
/// Bytes of a topology document, all numbers little-endian:
/// <code>
/// u32 magic "KVTP"     u16 format version 1     u16 reserved 0
/// u128 cluster id      u64 version              u32 partition count      u16 member count
/// per member: u16 node id, u8 state, u8 weight, u64 incarnation, then name, address and zone, each u8 length and UTF-8
/// per partition, three times: u16 node id, u64 replica id
/// u64 XXH3-64 of everything before it
/// </code>
/// A longer or shorter document is damaged: the length follows from the counts.
/// </summary>
internal static class TopologyCodec
{
    private const uint Magic = 0x5054564B; // "KVTP"
    private const ushort FormatVersion = 1;
    private const int HeaderBytes = 4 + 2 + 2 + 16 + 8 + 4 + 2;
    private const int ReplicaBytes = 2 + 8;
    private const int MemberHeadBytes = 2 + 1 + 1 + 8;
    private const int SmallestMemberBytes = MemberHeadBytes + 3;
    private const int ChecksumBytes = 8;

    public static void Encode(Topology topology, IBufferWriter<byte> destination)
    {
        var length = LengthOf(topology);
        var bytes = destination.GetSpan(length)[..length];
        var rest = WriteHeader(bytes, topology);
        foreach (var member in topology.Members) rest = WriteMember(rest, member);
        for (var partition = 0; partition < topology.PartitionCount; partition++)
        {
            foreach (var replica in topology.ReplicasOf(new PartitionId((ushort)partition)))
            {
                BinaryPrimitives.WriteUInt16LittleEndian(rest, replica.Node.Value);
                BinaryPrimitives.WriteUInt64LittleEndian(rest[2..], replica.Id.Value);
                rest = rest[ReplicaBytes..];
            }
        }

        Invariant.Check(rest.Length == ChecksumBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(rest, StableHash.Of(bytes[..^ChecksumBytes]));
        destination.Advance(length);
    }

    public static Topology Decode(ReadOnlySpan<byte> document)
    {
        if (document.Length < HeaderBytes + ChecksumBytes) throw Damaged("it is too short");
        if (BinaryPrimitives.ReadUInt32LittleEndian(document) != Magic) throw Damaged("it does not begin with KVTP");
        var format = BinaryPrimitives.ReadUInt16LittleEndian(document[4..]);
        if (format != FormatVersion)
            throw new TopologyException($"the topology document has format {format}; this release reads format {FormatVersion}");
        if (BinaryPrimitives.ReadUInt64LittleEndian(document[^ChecksumBytes..]) != StableHash.Of(document[..^ChecksumBytes]))
            throw Damaged("its checksum does not match");

        var clusterId = BinaryPrimitives.ReadUInt128LittleEndian(document[8..]);
        var version = BinaryPrimitives.ReadUInt64LittleEndian(document[24..]);
        var partitionCount = BinaryPrimitives.ReadUInt32LittleEndian(document[32..]);
        var memberCount = BinaryPrimitives.ReadUInt16LittleEndian(document[36..]);
        var rest = document[HeaderBytes..^ChecksumBytes];

        // Both counts are checked before anything is allocated by them.
        if (memberCount > rest.Length / SmallestMemberBytes) throw Damaged("a member runs past its end");
        var members = new ClusterMember[memberCount];
        for (var i = 0; i < members.Length; i++) members[i] = ReadMember(ref rest);
        if (partitionCount > Topology.MaxPartitions || rest.Length != partitionCount * Topology.ReplicasPerPartition * ReplicaBytes)
            throw Damaged("its length does not follow from its counts");
        var replicas = new Replica[partitionCount * Topology.ReplicasPerPartition];
        for (var i = 0; i < replicas.Length; i++)
        {
            var node = new NodeId(BinaryPrimitives.ReadUInt16LittleEndian(rest));
            replicas[i] = new Replica(node, new ReplicaId(BinaryPrimitives.ReadUInt64LittleEndian(rest[2..])));
            rest = rest[ReplicaBytes..];
        }

        return new Topology(clusterId, version, (int)partitionCount, members, replicas);
    }

    private static int LengthOf(Topology topology)
    {
        var length = HeaderBytes + (topology.PartitionCount * Topology.ReplicasPerPartition * ReplicaBytes) + ChecksumBytes;
        foreach (var member in topology.Members)
            length += SmallestMemberBytes + Encoding.UTF8.GetByteCount(member.Name) + Encoding.UTF8.GetByteCount(member.Address) + Encoding.UTF8.GetByteCount(member.Zone);
        return length;
    }

    private static Span<byte> WriteHeader(Span<byte> bytes, Topology topology)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[4..], FormatVersion);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[6..], 0);
        BinaryPrimitives.WriteUInt128LittleEndian(bytes[8..], topology.ClusterId);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[24..], topology.Version);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[32..], (uint)topology.PartitionCount);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[36..], (ushort)topology.Members.Length);
        return bytes[HeaderBytes..];
    }

    private static Span<byte> WriteMember(Span<byte> bytes, ClusterMember member)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, member.Id.Value);
        bytes[2] = (byte)member.State;
        bytes[3] = (byte)member.Weight;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[4..], member.Incarnation);
        var rest = WriteText(bytes[MemberHeadBytes..], member.Name);
        rest = WriteText(rest, member.Address);
        return WriteText(rest, member.Zone);
    }

    private static Span<byte> WriteText(Span<byte> bytes, string text)
    {
        var length = Encoding.UTF8.GetBytes(text, bytes[1..]);
        bytes[0] = (byte)length;
        return bytes[(1 + length)..];
    }

    private static ClusterMember ReadMember(ref ReadOnlySpan<byte> rest)
    {
        var head = Take(ref rest, MemberHeadBytes);
        return new ClusterMember
        {
            Id = new NodeId(BinaryPrimitives.ReadUInt16LittleEndian(head)),
            State = (MemberState)head[2],
            Weight = head[3],
            Incarnation = BinaryPrimitives.ReadUInt64LittleEndian(head[4..]),
            Name = ReadText(ref rest),
            Address = ReadText(ref rest),
            Zone = ReadText(ref rest),
        };
    }

    private static string ReadText(ref ReadOnlySpan<byte> rest)
    {
        var length = Take(ref rest, 1)[0];
        return Encoding.UTF8.GetString(Take(ref rest, length));
    }

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> rest, int length)
    {
        if (rest.Length < length) throw Damaged("a member runs past its end");
        var taken = rest[..length];
        rest = rest[length..];
        return taken;
    }

    private static TopologyException Damaged(string how) => new($"the topology document is damaged: {how}");
}

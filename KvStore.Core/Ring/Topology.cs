using System.Buffers;
using System.Collections.Immutable;
using System.Numerics;
using System.Text;
using KvStore.Core.Primitives;

namespace KvStore.Core.Ring;

/// <summary>
/// The topology document: who is in the cluster and which three nodes hold each partition. An immutable value; a change is
/// a new document with a higher version. The same bytes are the topology file on disk and the document between nodes.
/// </summary>
public sealed class Topology
{
    public const int ReplicasPerPartition = 3;

    public const int MinPartitions = 16;

    public const int MaxPartitions = 4096;

    public const int MinMembers = 3;

    public const int MaxMembers = 100;

    private readonly Replica[] _replicas; // three per partition, flat

    /// <param name="clusterId">Drawn once, at `cluster init`; never 0.</param>
    /// <param name="version">From 1.</param>
    /// <param name="partitionCount">A power of two, 16 to 4,096.</param>
    /// <param name="members">3 to 100, kept in the order of their ids.</param>
    /// <param name="replicas">Three for each partition in preference order, partition 0 first: 3 x <paramref name="partitionCount"/>.</param>
    /// <exception cref="TopologyException">The document breaks one of its rules.</exception>
    public Topology(
        UInt128 clusterId, ulong version, int partitionCount, IEnumerable<ClusterMember> members, ReadOnlySpan<Replica> replicas)
    {
        ClusterId = clusterId;
        Version = version;
        PartitionCount = partitionCount;
        Members = [.. members.OrderBy(m => m.Id)];
        _replicas = replicas.ToArray();
        CheckNumbers();
        CheckMembers();
        CheckReplicas();
    }

    public UInt128 ClusterId { get; }

    public ulong Version { get; }

    public int PartitionCount { get; }

    /// <summary>In the order of their ids.</summary>
    public ImmutableArray<ClusterMember> Members { get; }

    /// <summary>
    /// The first document of a new cluster: places every partition on <paramref name="members"/> and numbers the replicas.
    /// Depends on nothing but its arguments, so every node forms the same document.
    /// </summary>
    /// <exception cref="PlacementException">Fewer than three members.</exception>
    public static Topology Form(UInt128 clusterId, int partitionCount, IReadOnlyList<ClusterMember> members)
    {
        const ulong version = 1;
        var placement = Placement.Place(members, partitionCount);
        var replicas = new Replica[partitionCount * ReplicasPerPartition];
        for (var partition = 0; partition < partitionCount; partition++)
        {
            var nodes = placement.NodesOf(new PartitionId((ushort)partition));
            for (var place = 0; place < ReplicasPerPartition; place++)
            {
                var at = (partition * ReplicasPerPartition) + place;
                replicas[at] = new Replica(nodes[place], ReplicaIdOf(version, at));
            }
        }

        return new Topology(clusterId, version, partitionCount, members, replicas);
    }

    /// <summary>
    /// The id of a replica that the document of <paramref name="version"/> adds at <paramref name="slot"/> (3 x partition + place).
    /// A document adds at most one replica per slot, so no id is ever given twice.
    /// </summary>
    public static ReplicaId ReplicaIdOf(ulong version, int slot) => new((version << 16) | (uint)slot);

    public PartitionId PartitionOf(ReadOnlySpan<byte> key) => KeyHash.PartitionOf(key, PartitionCount);

    /// <summary>The three replicas of a partition in preference order; the first is the preferred primary.</summary>
    public ReadOnlySpan<Replica> ReplicasOf(PartitionId partition) =>
        _replicas.AsSpan(partition.Value * ReplicasPerPartition, ReplicasPerPartition);

    /// <summary>The replica that a node holds of a partition, or null.</summary>
    public Replica? ReplicaOn(PartitionId partition, NodeId node)
    {
        foreach (var replica in ReplicasOf(partition))
        {
            if (replica.Node == node) return replica;
        }

        return null;
    }

    public ClusterMember? Find(NodeId node)
    {
        foreach (var member in Members)
        {
            if (member.Id == node) return member;
        }

        return null;
    }

    /// <summary>Writes the document; the format is at the head of <c>TopologyCodec</c>.</summary>
    public void Encode(IBufferWriter<byte> destination) => TopologyCodec.Encode(this, destination);

    /// <exception cref="TopologyException">Damaged, of an unknown format, or against the rules; says which.</exception>
    public static Topology Decode(ReadOnlySpan<byte> document) => TopologyCodec.Decode(document);

    private void CheckNumbers()
    {
        Require(ClusterId != 0, "the cluster id is 0");
        Require(Version != 0, "the version is 0");
        Require(
            PartitionCount is >= MinPartitions and <= MaxPartitions && BitOperations.IsPow2(PartitionCount),
            $"{PartitionCount} partitions: must be a power of two from {MinPartitions} to {MaxPartitions}");
        Require(Members.Length is >= MinMembers and <= MaxMembers, $"{Members.Length} members: must be {MinMembers} to {MaxMembers}");
        Require(_replicas.Length == PartitionCount * ReplicasPerPartition, $"{_replicas.Length} replicas for {PartitionCount} partitions");
    }

    private void CheckMembers()
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var addresses = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < Members.Length; i++)
        {
            var member = Members[i];
            Require(!member.Id.IsNone && (i == 0 || Members[i - 1].Id != member.Id), $"node id {member.Id} is 0 or given twice");
            Require(IsText(member.Name, 1) && names.Add(member.Name), $"the name '{member.Name}' of {member.Id} is empty, too long or given twice");
            Require(
                IsText(member.Address, 1) && addresses.Add(member.Address),
                $"the address '{member.Address}' of {member.Id} is empty, too long or given twice");
            Require(IsText(member.Zone, 0), $"the zone of {member.Id} is too long");
            Require(member.Weight is >= 1 and <= ClusterMember.MaxWeight, $"weight {member.Weight} of {member.Id}: must be 1 to {ClusterMember.MaxWeight}");
            Require(member.State is >= MemberState.Active and <= MemberState.Leaving, $"unknown state {(byte)member.State} of {member.Id}");
        }
    }

    private void CheckReplicas()
    {
        for (var partition = 0; partition < PartitionCount; partition++)
        {
            var three = ReplicasOf(new PartitionId((ushort)partition));
            Require(
                three[0].Node != three[1].Node && three[0].Node != three[2].Node && three[1].Node != three[2].Node,
                $"partition {partition} has two replicas on one node");
            foreach (var replica in three)
                Require(!replica.Id.IsNone && Find(replica.Node) is not null, $"partition {partition} names the replica {replica}, which nobody can hold");
        }
    }

    private static bool IsText(string text, int minBytes) =>
        Encoding.UTF8.GetByteCount(text) is var bytes && bytes >= minBytes && bytes <= ClusterMember.MaxTextBytes;

    private static void Require(bool condition, string otherwise)
    {
        if (!condition) throw new TopologyException($"not a topology: {otherwise}");
    }
}

using System.Numerics;
using KvStore.Core.Primitives;

namespace KvStore.Core.Ring;

/// <summary>
/// Which three nodes should hold each partition, in preference order: a plan, made by a pure function. Routing uses the sets
/// that the topology document records.
/// </summary>
public sealed class Placement
{
    private readonly NodeId[] _nodes; // three per partition, flat

    private Placement(NodeId[] nodes) => _nodes = nodes;

    public int PartitionCount => _nodes.Length / Topology.ReplicasPerPartition;

    /// <summary>The three nodes of a partition; the first is the preferred primary.</summary>
    public ReadOnlySpan<NodeId> NodesOf(PartitionId partition) =>
        _nodes.AsSpan(partition.Value * Topology.ReplicasPerPartition, Topology.ReplicasPerPartition);

    /// <summary>The placement that a document records.</summary>
    public static Placement Of(Topology topology)
    {
        var nodes = new NodeId[topology.PartitionCount * Topology.ReplicasPerPartition];
        for (var i = 0; i < nodes.Length; i++)
            nodes[i] = topology.ReplicasOf(new PartitionId((ushort)(i / Topology.ReplicasPerPartition)))[i % Topology.ReplicasPerPartition].Node;
        return new Placement(nodes);
    }

    /// <summary>
    /// Places every partition on three of the members that take replicas. Where they are in three zones or more, the three are
    /// in distinct zones. A member holds 0.90 to 1.10 times its share of the replicas and is first for 0.85 to 1.15 times its
    /// share of the partitions, rounded outwards; the share is the mean times its weight, as far as three distinct nodes
    /// (zones) allow. What <paramref name="previous"/> says stays unless one of these would break.
    /// </summary>
    /// <param name="members">In any order.</param>
    /// <param name="partitionCount">A power of two, 16 to 4,096.</param>
    /// <param name="previous">What is there now, with the same number of partitions; null for a new cluster.</param>
    /// <exception cref="PlacementException">Fewer than three members take replicas.</exception>
    public static Placement Place(IReadOnlyCollection<ClusterMember> members, int partitionCount, Placement? previous = null)
    {
        if (partitionCount is < Topology.MinPartitions or > Topology.MaxPartitions || !BitOperations.IsPow2(partitionCount))
            throw new ArgumentOutOfRangeException(nameof(partitionCount), partitionCount, "must be a power of two from 16 to 4,096");
        if (previous is not null && previous.PartitionCount != partitionCount)
            throw new ArgumentException("the number of partitions never changes", nameof(previous));
        var takers = members.Where(m => m.TakesReplicas).OrderBy(m => m.Id).ToArray();
        if (takers.Length < Topology.MinMembers)
            throw new PlacementException($"{takers.Length} members can take replicas; every partition needs {Topology.ReplicasPerPartition} nodes");

        var groups = FailureGroups(takers);
        var shares = FairShare.Of(Array.ConvertAll(takers, m => m.Weight), groups, partitionCount);
        var kept = KeptFrom(previous, takers, partitionCount);
        var preferences = PlaceReplicas(takers, partitionCount, groups, shares, kept);
        PlacePrimaries(shares, kept, preferences);
        return new Placement([.. preferences.SelectMany(three => three).Select(i => takers[i].Id)]);
    }

    /// <summary>How many replicas a node holds here.</summary>
    public int ReplicasOn(NodeId node) => _nodes.Count(n => n == node);

    /// <summary>For how many partitions a node comes first.</summary>
    public int PrimariesOn(NodeId node) => _nodes.Where((n, i) => n == node && i % Topology.ReplicasPerPartition == 0).Count();

    /// <summary>How many replicas must be copied to a node that had none of them, coming from <paramref name="previous"/>.</summary>
    public int MovesFrom(Placement previous)
    {
        var moves = 0;
        for (var i = 0; i < _nodes.Length; i++)
        {
            if (!previous.NodesOf(new PartitionId((ushort)(i / Topology.ReplicasPerPartition))).Contains(_nodes[i])) moves++;
        }

        return moves;
    }

    /// <summary>The zones, where there are three or more; else every node is a failure group of its own.</summary>
    private static int[] FailureGroups(ClusterMember[] members)
    {
        var zones = members.Select(m => m.Zone).Distinct(StringComparer.Ordinal).ToList();
        return zones.Count >= Topology.ReplicasPerPartition
            ? Array.ConvertAll(members, m => zones.IndexOf(m.Zone))
            : [.. Enumerable.Range(0, members.Length)];
    }

    /// <summary>Per partition the previous nodes, as indexes of <paramref name="members"/>; -1 for those that take replicas no more.</summary>
    private static int[][]? KeptFrom(Placement? previous, ClusterMember[] members, int partitionCount)
    {
        if (previous is null) return null;
        var kept = new int[partitionCount][];
        for (var partition = 0; partition < partitionCount; partition++)
        {
            var nodes = previous.NodesOf(new PartitionId((ushort)partition)).ToArray();
            kept[partition] = Array.ConvertAll(nodes, node => Array.FindIndex(members, m => m.Id == node));
        }

        return kept;
    }

    private static int[][] PlaceReplicas(ClusterMember[] members, int partitionCount, int[] groups, FairShare[] shares, int[][]? kept)
    {
        var ringOrder = RingOrder(members, partitionCount);
        var assignment = new ReplicaAssignment(shares, groups, ringOrder);
        for (var partition = 0; kept is not null && partition < partitionCount; partition++)
        {
            for (var slot = 0; slot < Topology.ReplicasPerPartition; slot++)
            {
                if (kept[partition][slot] >= 0) assignment.Keep(partition, slot, kept[partition][slot]);
            }
        }

        assignment.Balance();
        var preferences = new int[partitionCount][];
        for (var partition = 0; partition < partitionCount; partition++)
        {
            var ring = ringOrder[partition];
            preferences[partition] = assignment.NodesOf(partition).ToArray();
            // Those that stay keep their order, newcomers follow in the order of the ring.
            var before = kept?[partition] ?? [];
            Array.Sort(preferences[partition], (a, b) => PlaceOf(a).CompareTo(PlaceOf(b)));
            int PlaceOf(int node) => Array.IndexOf(before, node) is var at && at >= 0 ? at : before.Length + Array.IndexOf(ring, node);
        }

        return preferences;
    }

    private static void PlacePrimaries(FairShare[] shares, int[][]? kept, int[][] preferences)
    {
        var assignment = new PrimaryAssignment(shares, preferences);
        for (var partition = 0; kept is not null && partition < preferences.Length; partition++)
        {
            if (preferences[partition].Contains(kept[partition][0])) assignment.Keep(partition, kept[partition][0]);
        }

        assignment.Balance();
        for (var partition = 0; partition < preferences.Length; partition++)
        {
            var primary = assignment.PrimaryOf(partition);
            preferences[partition] = [primary, .. preferences[partition].Where(node => node != primary)];
        }
    }

    private static int[][] RingOrder(ClusterMember[] members, int partitionCount)
    {
        var ring = new HashRing(members);
        var order = new int[partitionCount][];
        var walk = new NodeId[members.Length];
        for (var partition = 0; partition < partitionCount; partition++)
        {
            ring.Walk(KeyHash.StartOf(new PartitionId((ushort)partition), partitionCount), walk);
            order[partition] = Array.ConvertAll(walk, node => Array.FindIndex(members, m => m.Id == node));
        }

        return order;
    }
}

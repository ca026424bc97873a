namespace KvStore.Core.Ring;

/// <summary>What `init` and `join` tell the operator when there are too few partitions to spread evenly over the nodes.</summary>
/// <param name="RecommendedPartitionCount">The smallest number of partitions that is enough, 16 to 4,096.</param>
/// <param name="Text">One sentence for the operator.</param>
public sealed record PlacementAdvice(int RecommendedPartitionCount, string Text)
{
    /// <summary>Below this many partitions per node a partition is so large a share of a node's load that joins move up to twice the minimum.</summary>
    public const int PartitionsPerNode = 20;

    /// <summary>The advice for a cluster of <paramref name="nodeCount"/> nodes, or null if <paramref name="partitionCount"/> is enough.</summary>
    public static PlacementAdvice? For(int nodeCount, int partitionCount)
    {
        if (partitionCount >= PartitionsPerNode * nodeCount) return null;
        var recommended = Topology.MinPartitions;
        while (recommended < PartitionsPerNode * nodeCount && recommended < Topology.MaxPartitions) recommended *= 2;
        return new PlacementAdvice(
            recommended,
            $"{partitionCount} partitions are few for {nodeCount} nodes: load is uneven and a join moves more than it must; "
            + $"{recommended} would be enough, and the number cannot change after `cluster init`.");
    }
}

namespace KvStore.Core.Ring;

/// <summary>Chooses the three nodes of every partition: distinct failure groups, the ring's order, bounded loads.</summary>
internal sealed class ReplicaAssignment(FairShare[] shares, int[] groups, int[][] ringOrder) : BoundedAssignment(
    ringOrder.Length,
    Topology.ReplicasPerPartition,
    shares,
    Array.ConvertAll(shares, s => s.ReplicaFloor),
    Array.ConvertAll(shares, s => s.ReplicaCap))
{
    private readonly int[][] _ranks = Array.ConvertAll(ringOrder, Inverse);

    /// <summary>Keeps a replica that is there already, unless its failure group holds one of the partition by now.</summary>
    public void Keep(int partition, int slot, int node)
    {
        if (Fits(partition, node, Vacant)) Put(partition, slot, node);
    }

    protected override bool Fits(int item, int node, int leaving)
    {
        foreach (var held in NodesOf(item))
        {
            if (held == node) return false;
            if (held != Vacant && held != leaving && groups[held] == groups[node]) return false;
        }

        return true;
    }

    protected override ReadOnlySpan<int> Wishes(int item) => ringOrder[item];

    protected override int RankOf(int item, int node) => _ranks[item][node];

    private static int[] Inverse(int[] order)
    {
        var ranks = new int[order.Length];
        for (var rank = 0; rank < order.Length; rank++) ranks[order[rank]] = rank;
        return ranks;
    }
}

namespace KvStore.Core.Ring;

/// <summary>Chooses which of a partition's three nodes comes first, so that no node is the preferred primary of too many.</summary>
internal sealed class PrimaryAssignment(FairShare[] shares, int[][] preferences) : BoundedAssignment(
    preferences.Length,
    slotsPerItem: 1,
    shares,
    Array.ConvertAll(shares, s => s.PrimaryFloor),
    Array.ConvertAll(shares, s => s.PrimaryCap))
{
    public int PrimaryOf(int partition) => NodesOf(partition)[0];

    public void Keep(int partition, int node) => Put(partition, 0, node);

    protected override bool Fits(int item, int node, int leaving) => NodesOf(item)[0] != node && preferences[item].Contains(node);

    protected override ReadOnlySpan<int> Wishes(int item) => preferences[item];

    protected override int RankOf(int item, int node) => Array.IndexOf(preferences[item], node);
}

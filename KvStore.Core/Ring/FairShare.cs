namespace KvStore.Core.Ring;

/// <summary>
/// How many replicas of a cluster a member should hold, as an exact fraction, and the whole numbers allowed around it.
/// Fractions, not doubles: ceil(1.10 x 10) must be 11 on every host.
/// </summary>
internal readonly record struct FairShare(long Numerator, long Denominator)
{
    private const int ReplicaCapPercent = 110;
    private const int ReplicaFloorPercent = 90;
    private const int PrimaryCapPercent = 115;
    private const int PrimaryFloorPercent = 85;

    public int ReplicaCap => RoundUp(ReplicaCapPercent, 100);

    public int ReplicaFloor => RoundDown(ReplicaFloorPercent, 100);

    public int PrimaryCap => RoundUp(PrimaryCapPercent, 100 * Topology.ReplicasPerPartition);

    public int PrimaryFloor => RoundDown(PrimaryFloorPercent, 100 * Topology.ReplicasPerPartition);

    /// <summary>
    /// The share of each member: the mean times its weight, except that no failure group can hold more than one replica of
    /// a partition. A group whose weight asks for more gets exactly one of each, and the rest is shared by the others.
    /// </summary>
    /// <param name="weights">Of each member.</param>
    /// <param name="groups">The failure group of each member, numbered from 0; at least three groups.</param>
    public static FairShare[] Of(ReadOnlySpan<int> weights, ReadOnlySpan<int> groups, int partitionCount)
    {
        var groupWeights = new long[groups.Length];
        for (var i = 0; i < groups.Length; i++) groupWeights[groups[i]] += weights[i];
        var full = new bool[groups.Length];
        long replicas = (long)partitionCount * Topology.ReplicasPerPartition;
        var weightLeft = groupWeights.Sum();
        for (var changed = true; changed;)
        {
            changed = false;
            for (var group = 0; group < groupWeights.Length; group++)
            {
                if (full[group] || groupWeights[group] == 0 || groupWeights[group] * replicas <= partitionCount * weightLeft) continue;
                full[group] = changed = true;
                replicas -= partitionCount;
                weightLeft -= groupWeights[group];
            }
        }

        var shares = new FairShare[weights.Length];
        for (var i = 0; i < shares.Length; i++)
        {
            shares[i] = full[groups[i]]
                ? new FairShare((long)partitionCount * weights[i], groupWeights[groups[i]])
                : new FairShare(replicas * weights[i], weightLeft);
        }

        return shares;
    }

    /// <summary>Compares how full two members are: load over share.</summary>
    public static int CompareUse(int loadA, FairShare a, int loadB, FairShare b) =>
        (loadA * a.Denominator * b.Numerator).CompareTo(loadB * b.Denominator * a.Numerator);

    private int RoundUp(long by, long over) => (int)(((Numerator * by) + (Denominator * over) - 1) / (Denominator * over));

    private int RoundDown(long by, long over) => (int)(Numerator * by / (Denominator * over));
}

using KvStore.Core.Storage.Table;

namespace KvStore.Core.Storage.Compaction;

/// <summary>Tables of two levels to be merged into the lower one, or one table to be written anew in its level.</summary>
/// <param name="Level">The upper level.</param>
/// <param name="Upper">Its tables, in the level's order.</param>
/// <param name="Lower">Every table of the target level that overlaps them, in its order.</param>
internal sealed record CompactionPlan(int Level, int TargetLevel, TableFile[] Upper, TableFile[] Lower)
{
    public IEnumerable<TableFile> Inputs => Upper.Concat(Lower);

    public long InputBytes => Inputs.Sum(table => table.Info.Bytes);

    /// <summary>The table can change its level as it is.</summary>
    public bool IsMove => Upper.Length == 1 && Lower.Length == 0 && TargetLevel != Level;

    /// <summary>Whether the result, which is nowhere to be seen before the plan is done, may come to lie in a range (both ends inclusive) of a level.</summary>
    public bool MayWriteTo(int level, ReadOnlySpan<byte> smallest, ReadOnlySpan<byte> largest) =>
        level == TargetLevel && Largest.AsSpan().SequenceCompareTo(smallest) >= 0 && Smallest.AsSpan().SequenceCompareTo(largest) <= 0;

    public byte[] Smallest => Inputs.Select(table => table.Info.Smallest).Aggregate((a, b) => a.AsSpan().SequenceCompareTo(b) <= 0 ? a : b);

    public byte[] Largest => Inputs.Select(table => table.Info.Largest).Aggregate((a, b) => a.AsSpan().SequenceCompareTo(b) >= 0 ? a : b);
}

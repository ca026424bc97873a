namespace KvStore.Core.Storage.Table;

/// <summary>What the manifest says of a table.</summary>
/// <param name="Smallest">The first storage key in it.</param>
/// <param name="Largest">The last storage key in it.</param>
internal sealed record TableInfo(ulong FileNumber, long Bytes, long Records, byte[] Smallest, byte[] Largest)
{
    public bool Covers(ReadOnlySpan<byte> key) => key.SequenceCompareTo(Smallest) >= 0 && key.SequenceCompareTo(Largest) <= 0;

    /// <summary>Whether any key can lie both in the table and between the two, both inclusive.</summary>
    public bool Overlaps(ReadOnlySpan<byte> smallest, ReadOnlySpan<byte> largest) =>
        largest.SequenceCompareTo(Smallest) >= 0 && smallest.SequenceCompareTo(Largest) <= 0;
}

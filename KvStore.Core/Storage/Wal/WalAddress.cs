namespace KvStore.Core.Storage.Wal;

/// <summary>Where a record can be read back: segment number in the upper 32 bits, byte offset in the lower. Valid until its segment is recycled; 0 is "nowhere".</summary>
public readonly record struct WalAddress(ulong Value)
{
    public static readonly WalAddress None;

    internal WalAddress(ulong segment, int offset)
        : this((segment << 32) | (uint)offset)
    {
    }

    internal ulong Segment => Value >> 32;

    internal int Offset => (int)(uint)Value;

    public override string ToString() => $"{Segment}:{Offset}";
}

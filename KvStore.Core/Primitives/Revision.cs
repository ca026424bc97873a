using System.Globalization;

namespace KvStore.Core.Primitives;

/// <summary>Where a write stands in its partition's log: term.index.</summary>
public readonly record struct Version(Term Term, LogIndex Index) : IComparable<Version>
{
    public int CompareTo(Version other)
    {
        var byTerm = Term.CompareTo(other.Term);
        return byTerm != 0 ? byTerm : Index.CompareTo(other.Index);
    }

    public static bool operator <(Version a, Version b) => a.CompareTo(b) < 0;

    public static bool operator >(Version a, Version b) => a.CompareTo(b) > 0;

    public static bool operator <=(Version a, Version b) => a.CompareTo(b) <= 0;

    public static bool operator >=(Version a, Version b) => a.CompareTo(b) >= 0;

    public override string ToString() => $"{Term.Value}.{Index.Value}";
}

/// <summary>
/// A hybrid logical clock reading (Kulkarni et al., "Logical Physical Clocks", 2014):
/// milliseconds since the Unix epoch in the upper 48 bits, a counter in the lower 16; the node id breaks ties.
/// </summary>
public readonly record struct HybridTimestamp(ulong Ticks, NodeId Node) : IComparable<HybridTimestamp>
{
    public static readonly HybridTimestamp Zero;

    public long WallMs => (long)(Ticks >> 16);

    public ushort Logical => (ushort)Ticks;

    public static HybridTimestamp FromWallMs(long wallMs, ushort logical, NodeId node) => new(((ulong)wallMs << 16) | logical, node);

    public int CompareTo(HybridTimestamp other)
    {
        var byTicks = Ticks.CompareTo(other.Ticks);
        return byTicks != 0 ? byTicks : Node.CompareTo(other.Node);
    }

    public static bool operator <(HybridTimestamp a, HybridTimestamp b) => a.CompareTo(b) < 0;

    public static bool operator >(HybridTimestamp a, HybridTimestamp b) => a.CompareTo(b) > 0;

    public static bool operator <=(HybridTimestamp a, HybridTimestamp b) => a.CompareTo(b) <= 0;

    public static bool operator >=(HybridTimestamp a, HybridTimestamp b) => a.CompareTo(b) >= 0;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{WallMs}.{Logical}.{Node}");
}

/// <summary>What identifies one state of a record: its version and its timestamp. Text form: <c>term.index@wallms.logical.node</c>.</summary>
public readonly record struct Revision(Version Version, HybridTimestamp Timestamp)
{
    public static readonly Revision None;

    public bool IsNone => Version.Index.Value == 0 && Timestamp.Ticks == 0;

    public override string ToString() => $"{Version}@{Timestamp}";
}

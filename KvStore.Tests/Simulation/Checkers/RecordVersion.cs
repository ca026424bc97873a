using KvStore.Protocol.Messages;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>
/// A place in a partition's log. The committed entries of a log have ascending terms, so this order is theirs; an entry that a later
/// leader's log replaced comes before everything that the later leader wrote.
/// </summary>
internal readonly record struct RecordVersion(ulong Term, ulong Index) : IComparable<RecordVersion>
{
    public bool IsNone => Index == 0;

    public static RecordVersion Of(in WireRevision revision) => new(revision.Term, revision.Index);

    public static bool operator <(RecordVersion a, RecordVersion b) => a.CompareTo(b) < 0;

    public static bool operator >(RecordVersion a, RecordVersion b) => a.CompareTo(b) > 0;

    public static bool operator <=(RecordVersion a, RecordVersion b) => a.CompareTo(b) <= 0;

    public static bool operator >=(RecordVersion a, RecordVersion b) => a.CompareTo(b) >= 0;

    public int CompareTo(RecordVersion other) => Term != other.Term ? Term.CompareTo(other.Term) : Index.CompareTo(other.Index);

    public override string ToString() => $"{Term}.{Index}";
}

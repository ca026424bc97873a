namespace KvStore.Core.Primitives;

/// <summary>A member of the cluster: an ordinal from 1, given at `cluster init` or join and never reused. 0 is "no node".</summary>
public readonly record struct NodeId(ushort Value) : IComparable<NodeId>
{
    public static readonly NodeId None;

    public bool IsNone => Value == 0;

    public int CompareTo(NodeId other) => Value.CompareTo(other.Value);

    public override string ToString() => $"n{Value}";
}

/// <summary>One of the P partitions of the key space, 0 to P-1 (P is at most 4,096).</summary>
public readonly record struct PartitionId(ushort Value) : IComparable<PartitionId>
{
    public int CompareTo(PartitionId other) => Value.CompareTo(other.Value);

    public override string ToString() => $"p{Value}";
}

/// <summary>A Raft term (Ongaro, "In Search of an Understandable Consensus Algorithm", section 5.1). 0 is before any election.</summary>
public readonly record struct Term(ulong Value) : IComparable<Term>
{
    public static readonly Term Zero;

    public Term Next => new(Value + 1);

    public int CompareTo(Term other) => Value.CompareTo(other.Value);

    public static bool operator <(Term a, Term b) => a.Value < b.Value;

    public static bool operator >(Term a, Term b) => a.Value > b.Value;

    public static bool operator <=(Term a, Term b) => a.Value <= b.Value;

    public static bool operator >=(Term a, Term b) => a.Value >= b.Value;

    public override string ToString() => Value.ToString();
}

/// <summary>A position in one partition's log. The first entry has index 1; 0 is "before the log".</summary>
public readonly record struct LogIndex(ulong Value) : IComparable<LogIndex>
{
    public static readonly LogIndex Zero;

    public LogIndex Next => new(Value + 1);

    public LogIndex Previous => new(Value - 1);

    public int CompareTo(LogIndex other) => Value.CompareTo(other.Value);

    public static LogIndex Min(LogIndex a, LogIndex b) => a.Value <= b.Value ? a : b;

    public static LogIndex Max(LogIndex a, LogIndex b) => a.Value >= b.Value ? a : b;

    public static LogIndex operator +(LogIndex a, ulong count) => new(a.Value + count);

    /// <summary>How many entries lie after <paramref name="b"/> up to and including <paramref name="a"/>.</summary>
    public static ulong operator -(LogIndex a, LogIndex b) => a.Value - b.Value;

    public static bool operator <(LogIndex a, LogIndex b) => a.Value < b.Value;

    public static bool operator >(LogIndex a, LogIndex b) => a.Value > b.Value;

    public static bool operator <=(LogIndex a, LogIndex b) => a.Value <= b.Value;

    public static bool operator >=(LogIndex a, LogIndex b) => a.Value >= b.Value;

    public override string ToString() => Value.ToString();
}

/// <summary>One replica of one partition; a new id is drawn each time a node is given the partition, so that a message for an earlier life is recognised.</summary>
public readonly record struct ReplicaId(ulong Value) : IComparable<ReplicaId>
{
    public static readonly ReplicaId None;

    public bool IsNone => Value == 0;

    public int CompareTo(ReplicaId other) => Value.CompareTo(other.Value);

    public override string ToString() => $"r{Value}";
}

/// <summary>A log sequence number of the node's shared write-ahead log: one per record, strictly increasing over the life of the data directory. 0 is "nothing".</summary>
public readonly record struct Lsn(ulong Value) : IComparable<Lsn>
{
    public static readonly Lsn Zero;

    public int CompareTo(Lsn other) => Value.CompareTo(other.Value);

    public static bool operator <(Lsn a, Lsn b) => a.Value < b.Value;

    public static bool operator >(Lsn a, Lsn b) => a.Value > b.Value;

    public static bool operator <=(Lsn a, Lsn b) => a.Value <= b.Value;

    public static bool operator >=(Lsn a, Lsn b) => a.Value >= b.Value;

    public override string ToString() => Value.ToString();
}

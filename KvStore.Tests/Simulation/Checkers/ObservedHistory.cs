using KvStore.Protocol.Messages;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>
/// What clients saw of a run, key by key, and what was on the replicas in the end: all that the checkers look at.
/// </summary>
internal sealed class ObservedHistory
{
    private ILookup<string, ObservedWrite>? _writesByKey;
    private HashSet<(ushort Partition, RecordVersion Version)>? _committed;
    private Dictionary<ushort, WriteLog>? _logs;
    private Dictionary<string, WriteLog>? _logsByKey;

    public required IReadOnlyList<ObservedWrite> Writes { get; init; }

    /// <summary>Answered reads only.</summary>
    public required IReadOnlyList<ObservedRead> Reads { get; init; }

    /// <summary>Errors that reads were answered with.</summary>
    public IReadOnlyList<(string Read, KvError Error, Outcome Outcome)> ReadErrors { get; init; } = [];

    /// <summary>Pages of scans; what they say of each key is among the reads.</summary>
    public IReadOnlyList<ObservedPage> Pages { get; init; } = [];

    /// <summary>When each process of a node began.</summary>
    public IReadOnlyList<(ushort Node, long AtNs)> Starts { get; init; } = [];

    /// <summary>All wall clocks showed the same time throughout.</summary>
    public bool ClocksAgree { get; init; } = true;

    /// <summary>Of every replica; empty if the run did not get so far.</summary>
    public IReadOnlyList<ReplicaContent> Replicas { get; init; } = [];

    public ILookup<string, ObservedWrite> WritesByKey => _writesByKey ??= Writes.OrderBy(w => w.InvokedNs).ToLookup(w => w.Key);

    /// <summary>The versions of entries that are known to be committed: a strong write was acknowledged, a quorum read saw it, or it is there in the end.</summary>
    public IReadOnlySet<(ushort Partition, RecordVersion Version)> CommittedVersions => _committed ??= FindCommitted();

    /// <summary>Whether an entry is known to be committed. An acknowledged fast write of which this is not known may have been cut by a new leader.</summary>
    public bool IsCommitted(ushort partition, RecordVersion version) => CommittedVersions.Contains((partition, version));

    public bool IsCommitted(ObservedWrite write) => write.IsApplied && IsCommitted(write.Partition, write.Version);

    /// <summary>Those of a partition that are known to be committed.</summary>
    public WriteLog CommittedWritesOf(ushort partition) => (_logs ??= LogsBy(w => w.Partition)).GetValueOrDefault(partition, WriteLog.Empty);

    /// <summary>Those of a key that are known to be committed.</summary>
    public WriteLog CommittedWritesOf(string key) => (_logsByKey ??= LogsBy(w => w.Key)).GetValueOrDefault(key, WriteLog.Empty);

    private Dictionary<T, WriteLog> LogsBy<T>(Func<ObservedWrite, T> by)
        where T : notnull => Writes.Where(IsCommitted).GroupBy(by).ToDictionary(g => g.Key, g => new WriteLog(g));

    private HashSet<(ushort Partition, RecordVersion Version)> FindCommitted() =>
    [
        .. Writes.Where(w => w.IsApplied && w.IsStrong).Select(w => (w.Partition, w.Version)),
        .. Writes.Where(w => w.Error == KvError.ConditionFailed && !w.Version.IsNone).Select(w => (w.Partition, w.Version)),
        .. Reads.Where(r => r.IsQuorum && !r.Version.IsNone).Select(r => (r.Partition, r.Version)),
        .. Replicas.SelectMany(replica => replica.Records.Values.Select(record => (replica.Partition, record.Version))),
    ];
}

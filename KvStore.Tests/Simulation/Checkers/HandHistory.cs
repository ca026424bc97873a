using KvStore.Protocol.Messages;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>Small histories of one partition written by hand; times in ms, versions as index in term 1 unless given as "term.index".</summary>
internal sealed class HandHistory
{
    private const long NsPerMs = 1_000_000;
    private readonly List<ObservedWrite> _writes = [];
    private readonly List<ObservedRead> _reads = [];
    private readonly List<ReplicaContent> _replicas = [];
    private readonly List<(string, KvError, Outcome)> _errors = [];
    private readonly List<ObservedPage> _pages = [];
    private readonly List<(ushort, long)> _starts = [];

    public ObservedHistory Build() => new() { Writes = _writes, Reads = _reads, Replicas = _replicas, ReadErrors = _errors, Pages = _pages, Starts = _starts };

    public HandHistory Write(string key, string? value, string version, long from, long until, Func<ObservedWrite, ObservedWrite>? but = null)
    {
        var write = new ObservedWrite
        {
            Client = 1,
            Key = key,
            Partition = 0,
            Value = value,
            InvokedNs = from * NsPerMs,
            CompletedNs = until * NsPerMs,
            Outcome = Outcome.Applied,
            Revision = Revision(version),
            Existed = value is null,
            Primary = 1,
            AckedBy = [1, 2],
        };
        _writes.Add(but?.Invoke(write) ?? write);
        return this;
    }

    public HandHistory Fast(string key, string? value, string version, long from, long until, Func<ObservedWrite, ObservedWrite>? but = null) =>
        Write(key, value, version, from, until, w => (but ?? (x => x))(w with { Mode = WriteMode.Fast, Achieved = WriteMode.Fast, AckedBy = [1] }));

    /// <summary>A write that was answered with an error.</summary>
    public HandHistory Failed(string key, string? value, KvError error, Outcome outcome, long from, long until, WriteCondition condition = default, string met = "", Func<ObservedWrite, ObservedWrite>? but = null) =>
        Write(key, value, met, from, until, w => (but ?? (x => x))(w with { Outcome = outcome, Error = error, Condition = condition, AckedBy = [] }));

    public HandHistory Get(string key, string? value, string version, long from, long until, Func<ObservedRead, ObservedRead>? but = null)
    {
        var read = new ObservedRead
        {
            Client = 2,
            Key = key,
            Partition = 0,
            InvokedNs = from * NsPerMs,
            CompletedNs = until * NsPerMs,
            Value = value,
            Revision = Revision(version),
            ServedBy = 1,
        };
        _reads.Add(but?.Invoke(read) ?? read);
        return this;
    }

    public HandHistory Local(string key, string? value, string version, long from, ulong? boundMs, Func<ObservedRead, ObservedRead>? but = null) =>
        Get(key, value, version, from, from, r => (but ?? (x => x))(r with { Consistency = ReadConsistency.Local, Achieved = ReadConsistency.Local, StalenessMs = boundMs }));

    public HandHistory Page(string prefix, string after, int limit, params string[] keys)
    {
        _pages.Add(new ObservedPage(1, prefix, after, limit, keys, 0, 0));
        return this;
    }

    public HandHistory Started(ushort node, long at)
    {
        _starts.Add((node, at * NsPerMs));
        return this;
    }

    public HandHistory ReadError(KvError error, Outcome outcome)
    {
        _errors.Add(("a read", error, outcome));
        return this;
    }

    /// <param name="node">Whose content it is.</param>
    /// <param name="applied">Its last entry.</param>
    /// <param name="records">Key, value (null: deleted), version.</param>
    public HandHistory Replica(ushort node, string applied, params (string Key, string? Value, string Version)[] records)
    {
        var content = records.ToDictionary(r => r.Key, r => new ReplicaRecord(r.Value ?? "", Revision(r.Version), 0, r.Value is null));
        _replicas.Add(new ReplicaContent(0, node, RecordVersion.Of(Revision(applied)), content));
        return this;
    }

    /// <summary>Timestamps follow the index.</summary>
    public static WireRevision Revision(string version)
    {
        if (version.Length == 0) return WireRevision.None;
        var parts = version.Contains('.') ? version.Split('.') : ["1", version];
        var index = ulong.Parse(parts[1]);
        return new WireRevision(ulong.Parse(parts[0]), index, index << 16, 1);
    }
}

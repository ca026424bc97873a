using KvStore.Protocol.Messages;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>
/// The versions of a partition are one order for all: an index is one entry, timestamps ascend with it, and an entry that was committed
/// before another write was asked for comes before it. And what is deleted stays deleted: no quorum read sees an older version than an
/// acknowledged strong write or another quorum read of the key that had ended when it began. Expiring records are no exception.
/// </summary>
internal sealed class VersionOrderCheck : IHistoryCheck
{
    public string Name => "version-order";

    public IEnumerable<string> Check(ObservedHistory history) =>
        Entries(history).Concat(WriteOrder(history)).Concat(ReadOrder(history));

    private static IEnumerable<string> Entries(ObservedHistory history)
    {
        var revisions = history.Writes.Where(history.IsCommitted).Select(w => (w.Partition, w.Revision))
            .Concat(history.Reads.Where(r => r.IsQuorum && !r.Revision.IsNone).Select(r => (r.Partition, r.Revision)))
            .Concat(history.Replicas.SelectMany(replica => replica.Records.Values.Select(record => (replica.Partition, record.Revision))));
        foreach (var partition in revisions.Distinct().GroupBy(r => r.Partition))
        {
            var before = WireRevision.None;
            foreach (var (_, revision) in partition.OrderBy(r => r.Revision.Index).ThenBy(r => r.Revision.Term))
            {
                if (!before.IsNone && revision.Index == before.Index) yield return $"partition {partition.Key}: two entries at one index: {before} and {revision}";
                else if (revision.Term < before.Term) yield return $"partition {partition.Key}: terms fall along the log: {before}, then {revision}";
                else if (!before.IsNone && revision.Ticks <= before.Ticks) yield return $"partition {partition.Key}: timestamps fall along the log: {before}, then {revision}";
                before = revision;
            }
        }
    }

    /// <summary>A write that was asked for after another was acknowledged comes after it, if both were committed.</summary>
    private static IEnumerable<string> WriteOrder(ObservedHistory history)
    {
        foreach (var partition in history.Writes.Where(history.IsCommitted).GroupBy(w => w.Partition))
        {
            var newest = new NewestBefore<ObservedWrite>(partition.Select(w => (w.CompletedNs, w.Version, w)));
            foreach (var write in partition)
            {
                if (newest.At(write.InvokedNs) is { } earlier && earlier.Version > write.Version)
                    yield return $"a write was put before one that had been acknowledged when it was asked for:\n  {earlier}\n  {write}";
            }
        }
    }

    private static IEnumerable<string> ReadOrder(ObservedHistory history)
    {
        var reads = history.Reads.Where(r => r.IsQuorum).ToLookup(r => r.Key);
        foreach (var key in reads)
        {
            var written = history.WritesByKey[key.Key].Where(history.IsCommitted).Select(w => (w.CompletedNs, w.Version, (object)w));
            var read = key.Where(r => !r.Version.IsNone).Select(r => (r.CompletedNs, r.Version, (object)r));
            var newest = new NewestBefore<object>(written.Concat(read));
            foreach (var later in key.Where(r => !r.IsScan || r.Value is not null))
            {
                if (newest.At(later.InvokedNs, out var version) is { } earlier && later.Version < version)
                    yield return $"a quorum read saw an older version than had been there when it began:\n  {earlier}\n  {later}";
            }
        }
    }
}

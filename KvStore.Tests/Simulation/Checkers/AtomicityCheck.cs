using KvStore.Protocol.Messages;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>
/// What a batch writes to a partition takes effect as a whole, with one revision, whatever its client was told. And a page shows each
/// partition as it was at one moment: with an entry that is applied, it shows what was written before that entry. (A fast write is shown
/// before it is applied.) Of a batch it shows all or nothing, applied or not.
/// </summary>
internal sealed class AtomicityCheck : IHistoryCheck
{
    public string Name => "atomicity";

    public IEnumerable<string> Check(ObservedHistory history) => Batches(history).Concat(LastTraces(history)).Concat(Pages(history)).Concat(PagesOfBatches(history));

    private static IEnumerable<string> Batches(ObservedHistory history) =>
        history.Writes.Where(w => w is { Batch: not null, IsAnswered: true }).GroupBy(w => (w.Batch, w.Partition))
            .Where(g => g.Select(w => (w.Outcome, w.IsApplied ? w.Revision : WireRevision.None)).Distinct().Count() > 1)
            .Select(g => $"a batch in parts:\n  {string.Join("\n  ", g)}");

    /// <summary>A batch of unknown outcome that left a committed trace of one of its writes is in the end on each replica as a whole, or replaced.</summary>
    private static IEnumerable<string> LastTraces(ObservedHistory history)
    {
        var versions = CommittedVersions(history);
        foreach (var batch in history.Writes.Where(w => w is { Batch: not null, Outcome: Outcome.Unknown }).GroupBy(w => (w.Batch, w.Partition)))
        {
            var seen = batch.SelectMany(w => versions[(w.Key, w.Value)]).Distinct().ToList();
            if (seen.Count > 1) yield return $"a batch that took effect at {string.Join(", ", seen)}:\n  {string.Join("\n  ", batch)}";
            if (seen.Count != 1) continue;
            foreach (var replica in history.Replicas.Where(r => r.Partition == batch.Key.Partition))
            {
                foreach (var write in batch.Where(w => !HoldsOrReplaced(replica.Records.GetValueOrDefault(w.Key), w, seen[0])))
                    yield return $"a batch took effect at {seen[0]}, and n{replica.Node} lacks\n  {write}";
            }
        }
    }

    /// <summary>Where each value was seen that is known to have taken effect.</summary>
    private static ILookup<(string Key, string? Value), RecordVersion> CommittedVersions(ObservedHistory history) =>
        history.Reads.Where(r => r.Value is not null && history.IsCommitted(r.Partition, r.Version)).Select(r => (r.Key, r.Value, r.Version))
            .Concat(history.Replicas.SelectMany(replica => replica.Records.Where(r => !r.Value.IsTombstone).Select(r => (r.Key, (string?)r.Value.Value, r.Value.Version))))
            .Distinct().ToLookup(seen => (seen.Key, seen.Item2), seen => seen.Version);

    private static bool HoldsOrReplaced(ReplicaRecord? record, ObservedWrite write, RecordVersion version) =>
        record is not null && (record.Version > version || (record.Version == version && record.Value == write.Value));

    private static IEnumerable<string> PagesOfBatches(ObservedHistory history)
    {
        var writers = history.Writes.Where(w => w is { Batch: not null, Value: not null }).ToDictionary(w => (w.Key, w.Value!));
        var batches = writers.Values.ToLookup(w => (w.Batch, w.Partition));
        foreach (var page in history.Reads.Where(r => r.IsScan).GroupBy(r => (r.Client, r.InvokedNs, r.Partition)))
        {
            foreach (var read in page)
            {
                if (read.Value is null || !writers.TryGetValue((read.Key, read.Value), out var shown)) continue;
                foreach (var other in batches[(shown.Batch, shown.Partition)])
                {
                    if (page.FirstOrDefault(r => r.Key == other.Key) is { } part && part.Version < read.Version && !(part.Value is null && MayBeGone(other, read.Version, history)))
                        yield return $"a page shows a batch in part:\n  {shown}\n  {other}\n  {read}\n  {part}";
                }
            }
        }
    }

    /// <summary>Whether a page may lack a key although it had been written: it does not tell of deletes and of records that have expired.</summary>
    private static bool MayBeGone(ObservedWrite write, RecordVersion since, ObservedHistory history) => history.WritesByKey[write.Key]
        .Any(w => w.Outcome != Outcome.NotApplied && (w.Expires || (w.Value is null && (!w.IsApplied || w.Version > since))));

    private static IEnumerable<string> Pages(ObservedHistory history)
    {
        var pages = history.Reads.Where(r => r.IsScan).GroupBy(r => (r.Client, r.InvokedNs, r.Partition));
        foreach (var page in pages)
        {
            var newest = page.Where(r => r.Value is not null && IsApplied(r, history)).MaxBy(r => r.Version);
            if (newest is null) continue;
            foreach (var read in page)
            {
                if (Missing(read, newest.Version, history) is { } missing)
                    yield return $"a page shows what was written later, and lacks\n  {missing}\n  {newest}\n  {read}";
            }
        }
    }

    private static bool IsApplied(ObservedRead read, ObservedHistory history) =>
        read.IsQuorum || history.WritesByKey[read.Key].Any(w => w.IsStrong && w.IsApplied && w.Value == read.Value);

    private static ObservedWrite? Missing(ObservedRead read, RecordVersion through, ObservedHistory history)
    {
        var log = history.CommittedWritesOf(read.Key);
        var before = log.CountThrough(through.Index);
        if (before == 0 || log[before - 1] is not { Value: not null } last || read.Version >= last.Version) return null;
        if (history.WritesByKey[read.Key].Any(w => w.Expires)) return null;
        return read.Value is null && MayBeGone(last, last.Version, history) ? null : last;
    }
}

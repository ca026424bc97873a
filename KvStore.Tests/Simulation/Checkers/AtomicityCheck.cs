using KvStore.Protocol.Messages;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>
/// What a batch writes to a partition takes effect as a whole, with one revision. And a page shows each partition as it was at one moment:
/// with an entry that is applied, it shows what was written before that entry. (A fast write is shown before it is applied.)
/// </summary>
internal sealed class AtomicityCheck : IHistoryCheck
{
    public string Name => "atomicity";

    public IEnumerable<string> Check(ObservedHistory history) => Batches(history).Concat(Pages(history));

    private static IEnumerable<string> Batches(ObservedHistory history) =>
        history.Writes.Where(w => w is { Batch: not null, IsAnswered: true }).GroupBy(w => (w.Batch, w.Partition))
            .Where(g => g.Select(w => (w.Outcome, w.IsApplied ? w.Revision : WireRevision.None)).Distinct().Count() > 1)
            .Select(g => $"a batch in parts:\n  {string.Join("\n  ", g)}");

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
        var writes = history.WritesByKey[read.Key];
        if (writes.Any(w => w.Expires)) return null;
        var mayBeDeleted = read.Value is null && writes.Any(w => w is { Value: null, Outcome: not Outcome.NotApplied } && (!w.IsApplied || w.Version > last.Version));
        return mayBeDeleted ? null : last;
    }
}

using KvStore.Protocol.Messages;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>
/// A local read that reports a bound of B ms holds, of its key, every strong write that was acknowledged more than B before it was asked,
/// or a newer one; and every acknowledged fast write, unless a new leader cut it. A read of at least a revision holds every write up to
/// that revision. And it shows no fast write that a new leader had cut by then. (The bound is counted from the asking, which is before the answering: that asks less, never more, than the contract.)
/// </summary>
internal sealed class StalenessCheck : IHistoryCheck
{
    private const long NsPerMs = 1_000_000;

    public string Name => "staleness";

    public IEnumerable<string> Check(ObservedHistory history)
    {
        foreach (var key in history.Reads.Where(r => !r.IsQuorum).GroupBy(r => r.Key))
        {
            var committed = history.WritesByKey[key.Key].Where(history.IsCommitted).ToList();
            var newest = new NewestBefore<ObservedWrite>(committed.Select(w => (w.CompletedNs, w.Version, w)));
            foreach (var read in key)
            {
                if (read.StalenessMs is { } bound && newest.At(read.InvokedNs - ((long)bound * NsPerMs)) is { } due && Lacks(read, due, history))
                    yield return $"older than its bound:\n  {due}\n  {read}";
                if (read.StalenessMs is { } age && CutBefore(read.InvokedNs - ((long)age * NsPerMs), read, history) is { } successor)
                    yield return $"shows what the log of a new leader had cut:\n  {successor}\n  {read}";
                if (read.AtLeast.IsNone) continue;
                var least = RecordVersion.Of(read.AtLeast);
                if (committed.Where(w => w.Version <= least).MaxBy(w => w.Version) is { } asked && Lacks(read, asked, history))
                    yield return $"older than was asked:\n  {asked}\n  {read}";
            }
        }
    }

    private static bool Lacks(ObservedRead read, ObservedWrite write, ObservedHistory history)
    {
        if (!read.Version.IsNone) return read.Version < write.Version;
        if (write.Value is null) return false;

        // A page does not tell why a key is not in it.
        return !read.IsScan || !history.WritesByKey[read.Key].Any(w => MayHide(w, write, read));
    }

    /// <summary>A write that proves that the entry which was read is not in the log: one of a later term at its index, or before.</summary>
    private static ObservedWrite? CutBefore(long ns, ObservedRead read, ObservedHistory history)
    {
        if (read.Version.IsNone || history.IsCommitted(read.Partition, read.Version)) return null;
        var log = history.CommittedWritesOf(read.Partition);
        for (var i = log.CountThrough(read.Version.Index) - 1; i >= 0 && log[i].Version.Term > read.Version.Term; i--)
            if (log[i].CompletedNs < ns) return log[i];
        return null;
    }

    private static bool MayHide(ObservedWrite later, ObservedWrite write, ObservedRead read) =>
        (later.Value is null || later.Expires) && later.InvokedNs <= read.CompletedNs
        && later.Outcome != Outcome.NotApplied && (!later.IsApplied || later.Version >= write.Version);
}

using KvStore.Protocol.Messages;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>
/// The local reads of a key that one replica answers do not run backwards while its process runs: one that was asked for after another had
/// been answered shows nothing older. But a fast write that is not committed may have been cut in between.
/// </summary>
internal sealed class ReplicaOrderCheck : IHistoryCheck
{
    public string Name => "replica-order";

    public IEnumerable<string> Check(ObservedHistory history)
    {
        var committed = history.CommittedVersions.GroupBy(c => (c.Partition, c.Version.Term)).ToDictionary(g => g.Key, g => g.Max(c => c.Version.Index));
        var starts = history.Starts.ToLookup(s => s.Node, s => s.AtNs);
        foreach (var reads in history.Reads.Where(r => r is { IsQuorum: false, ServedBy: not 0 }).GroupBy(r => (r.ServedBy, r.Key)))
        {
            foreach (var process in ByProcess(reads, [.. starts[reads.Key.ServedBy].Order()]))
            {
                var newest = new NewestBefore<ObservedRead>(process.Where(r => Stays(r, committed, history)).Select(r => (r.CompletedNs, r.Version, r)));
                foreach (var later in process.Where(r => !r.IsScan || r.Value is not null)) // a page does not tell of tombstones
                {
                    if (newest.At(later.InvokedNs, out var version) is { } earlier && later.Version < version)
                        yield return $"the local reads of n{reads.Key.ServedBy} ran backwards:\n  {earlier}\n  {later}";
                }
            }
        }
    }

    /// <summary>Those that a start of the node falls into may have been answered before or after it: they are left out.</summary>
    private static IEnumerable<List<ObservedRead>> ByProcess(IEnumerable<ObservedRead> reads, long[] starts) =>
        reads.Where(r => StartsBefore(r.InvokedNs, starts) == StartsBefore(r.CompletedNs, starts)).GroupBy(r => StartsBefore(r.InvokedNs, starts)).Select(g => g.ToList());

    private static int StartsBefore(long ns, long[] starts) => starts.Count(start => start <= ns);

    /// <summary>
    /// Whether no new leader can have cut the entry that a read shows: a later one of its term is committed, and so is all that this term's
    /// leader had put before it; or it is a strong write, which nobody shows before it is committed.
    /// </summary>
    private static bool Stays(ObservedRead read, Dictionary<(ushort, ulong), ulong> committed, ObservedHistory history) =>
        !read.Version.IsNone
        && ((committed.TryGetValue((read.Partition, read.Version.Term), out var through) && read.Version.Index <= through)
            || (read.Value is not null && history.WritesByKey[read.Key].Any(w => w.IsStrong && w.Value == read.Value)));
}

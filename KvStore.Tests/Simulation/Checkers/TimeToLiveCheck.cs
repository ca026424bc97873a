using KvStore.Protocol.Messages;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>
/// While all clocks agree: nobody is shown a record after its time, and until then a quorum read finds it, if nothing else was done to its
/// key.
/// </summary>
internal sealed class TimeToLiveCheck : IHistoryCheck
{
    private const long NsPerMs = 1_000_000;

    /// <summary>Expiry is kept in whole milliseconds.</summary>
    private const long SlackNs = 2 * NsPerMs;

    public string Name => "time-to-live";

    public IEnumerable<string> Check(ObservedHistory history)
    {
        if (!history.ClocksAgree) yield break;
        var writers = history.Writes.Where(w => w is { Expires: true, IsApplied: true, Value: not null }).ToLookup(w => w.Key);
        foreach (var read in history.Reads)
        {
            foreach (var write in writers[read.Key])
            {
                if (read.Value == write.Value && read.InvokedNs > write.CompletedNs + TtlNs(write) + SlackNs) yield return $"shown after its time:\n  {write}\n  {read}";
                if (read is { Value: null, IsQuorum: true } && MustBeThere(write, read, history)) yield return $"gone before its time:\n  {write}\n  {read}";
            }
        }
    }

    private static bool MustBeThere(ObservedWrite write, ObservedRead read, ObservedHistory history) =>
        read.InvokedNs > write.CompletedNs && read.CompletedNs < write.InvokedNs + TtlNs(write) - SlackNs
        && (write.IsStrong || history.IsCommitted(write))
        && !history.WritesByKey[write.Key].Any(w => w != write && w.InvokedNs <= read.CompletedNs && MayFollow(w, write));

    /// <summary>One of unknown outcome may be on its way still, however long ago its client gave it up.</summary>
    private static bool MayFollow(ObservedWrite other, ObservedWrite write) =>
        other.Outcome == Outcome.Unknown || (other.IsApplied && other.CompletedNs >= write.InvokedNs);

    private static long TtlNs(ObservedWrite write) => (long)write.TtlMs * NsPerMs;
}

using KvStore.Protocol.Messages;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>
/// Answers are honest: what was not applied is never seen, what was applied is seen with the revision that was told, nothing is seen that
/// nobody wrote or before it was asked for, and an answer says what was asked, by whom it was kept, and an outcome that goes with its error.
/// </summary>
internal sealed class OutcomeCheck : IHistoryCheck
{
    public string Name => "outcomes";

    public IEnumerable<string> Check(ObservedHistory history)
    {
        var writers = history.Writes.Where(w => w.Value is not null).ToDictionary(w => (w.Key, w.Value!));
        return history.Writes.SelectMany(write => AnswerProblems(write, history))
            .Concat(SharedRevisions(history))
            .Concat(history.Reads.SelectMany(read => ReadProblems(read, writers)))
            .Concat(FinalProblems(history, writers))
            .Concat(SeveralRevisions(history))
            .Concat(history.ReadErrors.Where(e => e.Outcome != Outcome.None).Select(e => $"a read was answered with the outcome of a write, {e.Outcome.Name()}: {e.Read}"));
    }

    private static IEnumerable<string> AnswerProblems(ObservedWrite write, ObservedHistory history)
    {
        if (!write.IsAnswered) yield break;
        if (write.IsApplied)
        {
            if (write.Error != KvError.None) yield return $"applied, with an error: {write}";
            if (write.Revision.IsNone) yield return $"applied without a revision: {write}";
            if (write.Achieved != write.Mode) yield return $"achieved {write.Achieved.Name()}: {write}";

            // A primary that was deposed before its entry was committed knows of its own disk alone.
            var needed = write.IsStrong && !history.Replicas.Any(r => r.Partition == write.Partition && r.Applied.Term > write.Version.Term) ? 2 : 1;
            if (write.AckedBy.Distinct().Count() < needed || write.AckedBy.Count > 3 || !write.AckedBy.Contains(write.Primary))
                yield return $"acked by too few, too many, or not by the primary n{write.Primary}: {write}";
        }
        else if (write.Outcome == Outcome.None || write.Error == KvError.None)
        {
            yield return $"no outcome, or no error with it: {write}";
        }
        else if (write.Error == KvError.ConditionFailed && (write.Outcome != Outcome.NotApplied || (write.Condition.Kind == ConditionKind.None && write.Batch is null)))
        {
            yield return $"a condition failed, that was not asked or with another outcome: {write}";
        }
    }

    private static IEnumerable<string> SharedRevisions(ObservedHistory history) =>
        history.Writes.Where(w => w.IsApplied).GroupBy(w => (w.Partition, w.Key, w.Version)).Where(g => g.Count() > 1)
            .Select(g => $"two writes were given one revision:\n  {string.Join("\n  ", g)}");

    private static IEnumerable<string> ReadProblems(ObservedRead read, Dictionary<(string, string), ObservedWrite> writers)
    {
        if (read.Achieved != read.Consistency) yield return $"achieved {read.Achieved.Name()}: {read}";
        if (read.NamedPartition is { } named && named != read.Partition) yield return $"answered for partition {named}: {read}";
        if (read.Value is null) yield break;
        if (!writers.TryGetValue((read.Key, read.Value), out var write)) yield return $"nobody wrote what was read: {read}";
        else if (write.Outcome == Outcome.NotApplied) yield return $"not applied, and read:\n  {write}\n  {read}";
        else if (write.InvokedNs > read.CompletedNs) yield return $"read before it was written:\n  {write}\n  {read}";
        else if (write.IsApplied && write.Revision != read.Revision) yield return $"read with another revision than it was given:\n  {write}\n  {read}";
    }

    private static IEnumerable<string> FinalProblems(ObservedHistory history, Dictionary<(string, string), ObservedWrite> writers)
    {
        foreach (var replica in history.Replicas)
        {
            foreach (var (key, record) in replica.Records)
            {
                if (record.IsTombstone || record.Value.Length == 0) continue;
                if (!writers.TryGetValue((key, record.Value), out var write)) yield return $"nobody wrote what n{replica.Node} has in the end: {key} = {Shown.Value(record.Value)}";
                else if (write.Outcome == Outcome.NotApplied) yield return $"not applied, and on n{replica.Node} in the end @{record.Revision}: {write}";
                else if (write.IsApplied && write.Revision != record.Revision) yield return $"on n{replica.Node} in the end with revision {record.Revision}: {write}";
            }
        }
    }

    /// <summary>A write takes effect once, whatever its client was told.</summary>
    private static IEnumerable<string> SeveralRevisions(ObservedHistory history)
    {
        var seen = history.Reads.Where(r => r.Value is not null).Select(r => (r.Key, Value: r.Value!, r.Version))
            .Concat(history.Replicas.SelectMany(replica => replica.Records.Where(r => r.Value is { IsTombstone: false, Value.Length: > 0 })
                .Select(r => (r.Key, r.Value.Value, r.Value.Version))));
        return seen.Distinct().GroupBy(s => (s.Key, s.Value)).Where(g => g.Count() > 1)
            .Select(g => $"{g.Key.Key} = {Shown.Value(g.Key.Value)} took effect more than once: @{string.Join(", @", g.Select(s => s.Version).Order())}");
    }
}

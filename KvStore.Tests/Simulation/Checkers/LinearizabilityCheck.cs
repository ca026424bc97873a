using KvStore.Protocol.Messages;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>
/// Strong writes, conditional ones and quorum reads of a key have one order that explains all their answers. A fast write of such a key
/// takes part too, if it is known to have been committed: from its acknowledgement on every quorum read reflects it, for the primary that
/// acknowledged it waits for it, and a later primary that has it commits it first. If that is not known it may have been cut: then it may
/// have happened or not. Keys of records that expire are left out: whether one has expired is judged by clocks.
/// </summary>
internal sealed class LinearizabilityCheck : IHistoryCheck
{
    public string Name => "linearizability";

    public IEnumerable<string> Check(ObservedHistory history)
    {
        var expiring = history.Writes.Where(w => w.Expires).Select(w => w.Key).ToHashSet();
        var operations = history.Writes.Where(w => !expiring.Contains(w.Key)).Select(w => OperationOf(w, history.IsCommitted(w)))
            .Concat(history.Reads.Where(r => r.IsQuorum && !expiring.Contains(r.Key)).Select(OperationOf))
            .Concat(LastReads(history, expiring));
        foreach (var key in operations.GroupBy(o => o.Key, StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            var result = LinearizabilityChecker.Check(key);
            if (result.Verdict != LinearizabilityVerdict.Linearizable) yield return result.ToString();
        }
    }

    /// <summary>What is there in the end is what a read after everything else would have returned.</summary>
    private static IEnumerable<RegisterOperation> LastReads(ObservedHistory history, HashSet<string> expiring)
    {
        foreach (var replicas in history.Replicas.GroupBy(replica => replica.Partition))
        {
            var newest = replicas.MaxBy(replica => replica.Applied)!;
            foreach (var key in history.WritesByKey.Where(w => w.First().Partition == newest.Partition && !expiring.Contains(w.Key)).Select(w => w.Key))
            {
                var record = newest.Records.GetValueOrDefault(key);
                var isThere = record is { IsTombstone: false };
                yield return new RegisterOperation
                {
                    Client = 0,
                    Key = key,
                    Action = RegisterAction.Get,
                    Outcome = RegisterOutcome.Ok,
                    InvokedAt = long.MaxValue - 2,
                    ReturnedAt = long.MaxValue - 1,
                    Value = isThere ? record!.Value : null,
                    Revision = isThere ? record!.Revision.VersionText : null,
                };
            }
        }
    }

    private static RegisterOperation OperationOf(ObservedRead read) => new()
    {
        Client = read.Client,
        Key = read.Key,
        Action = RegisterAction.Get,
        Outcome = RegisterOutcome.Ok,
        InvokedAt = read.InvokedNs,
        ReturnedAt = read.CompletedNs,
        Value = read.Value,
        Revision = read.Value is null ? null : read.Revision.VersionText,
    };

    private static RegisterOperation OperationOf(ObservedWrite write, bool isCommitted)
    {
        var revision = write.Revision.IsNone ? null : write.Revision.VersionText;
        var outcome = OutcomeOf(write, isCommitted);
        return new RegisterOperation
        {
            Client = write.Client,
            Key = write.Key,
            Action = ActionOf(write),
            Outcome = outcome,
            InvokedAt = write.InvokedNs,
            ReturnedAt = write.CompletedNs,
            Value = write.Value,
            Expected = write.Condition.Kind is ConditionKind.IfVersion or ConditionKind.IfRevision ? write.Condition.Revision.VersionText : null,
            Revision = outcome == RegisterOutcome.ConditionFailed || (write.IsApplied && write.Value is not null) ? revision : null,

            // What a fast delete found is what its primary had accepted, and that may have been cut since.
            Existed = write.Value is null && write.IsStrong && outcome == RegisterOutcome.Ok ? write.Existed : null,
        };
    }

    private static RegisterOutcome OutcomeOf(ObservedWrite write, bool isCommitted) => write.Outcome switch
    {
        Outcome.Applied => write.IsStrong || isCommitted ? RegisterOutcome.Ok : RegisterOutcome.Unknown,
        Outcome.NotApplied => write.Error == KvError.ConditionFailed ? RegisterOutcome.ConditionFailed : RegisterOutcome.NotApplied,
        _ => RegisterOutcome.Unknown,
    };

    private static RegisterAction ActionOf(ObservedWrite write) => write.Condition.Kind switch
    {
        ConditionKind.None => write.Value is null ? RegisterAction.Delete : RegisterAction.Put,
        ConditionKind.IfAbsent => RegisterAction.PutIfAbsent,
        _ => write.Value is null ? RegisterAction.DeleteIfVersion : RegisterAction.PutIfVersion,
    };
}

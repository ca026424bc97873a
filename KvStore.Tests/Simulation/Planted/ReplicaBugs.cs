namespace KvStore.Tests.Simulation.Planted;

/// <summary>Mistakes in what drives a replica: its log, the state machine, acknowledgements.</summary>
internal static class ReplicaBugs
{
    private const string ApplyQueue = "KvStore.Core/Node/ApplyQueue.cs";
    private const string Partition = "KvStore.Core/Node/Partition.cs";
    private const string PartitionWrites = "KvStore.Core/Node/PartitionWrites.cs";
    private const string StateMachine = "KvStore.Core/Node/StateMachine.cs";

    public static IReadOnlyList<PlantedBug> All { get; } =
    [
        new("vote-not-logged", "term and vote survive a crash",
            new PlantedEdit(
                Partition, "if (ready.MustPersistHardState) _shard.LogHardState(this, ready.HardState!.Value);",
                "if (ready.MustPersistHardState && _raft.Role != RaftRole.Follower) _shard.LogHardState(this, ready.HardState!.Value);")),
        new("fast-ack-unsynced", "a fast write is acknowledged when the primary's disk has it",
            new PlantedEdit(
                Partition, "Writes.Add(index, _raft.Term, ticks, operation);",
                "Writes.Add(index, _raft.Term, ticks, operation); Writes.OnDurable(index, Store, Context.Self, _shard.NowNs);")),
        new("timestamps-run-back", "timestamps increase along a log",
            new PlantedEdit(Partition, "Math.Max(Context.Hlc.Now().Ticks, _lastTicks + 1)", "Context.Hlc.Now().Ticks")),
        new("condition-at-append", "a condition is decided when the entry is applied",
            new PlantedEdit(
                Partition, "new EntryHeader(EntryKind.Write, operation.Fast, Context.Self, ticks).Write(payload);",
                """
                new EntryHeader(EntryKind.Write, operation.Fast, Context.Self, ticks).Write(payload);
                using (var view = Store.Pin())
                {
                    foreach (var op in new EntryOperations(payload))
                    {
                        var found = view.TryGet(op.Key, false, out var info, out _) && StateMachine.IsLive(info, (long)(ticks >> 16));
                        var holds = op.Condition switch
                        {
                            ConditionKind.IfAbsent => !found,
                            ConditionKind.IfVersion => found && info.Revision.Version == op.Expected.Version,
                            ConditionKind.IfRevision => found && info.Revision == op.Expected,
                            _ => true,
                        };
                        if (holds) continue;
                        operation.Completion.Complete(operation, new WriteEnd(WriteVerdict.ConditionFailed, found ? info.Revision : Revision.None, false, default, default));
                        return;
                    }
                }
                """),
            new PlantedEdit(StateMachine, "if (Holds(operation, found, info.Revision)) continue;", "continue;")),
        new("batch-judged-by-first", "every condition of a batch has to hold",
            new PlantedEdit(
                StateMachine, "if (Holds(operation, found, info.Revision)) continue;", "if (at > 0 || Holds(operation, found, info.Revision)) continue;")),
        new("batch-refused-in-part", "of a batch that is refused nothing is written",
            new PlantedEdit(
                StateMachine, "store.Publish(new AppliedState(index, term, logTime));",
                """
                if (header.Kind == EntryKind.Write && !outcome.Applied)
                {
                    foreach (var operation in new EntryOperations(payload))
                    {
                        if (operation.Condition != ConditionKind.None) break;
                        if (operation.Kind == WriteKind.Put) store.Put(index, operation.Key, operation.Value, InfoOf(operation, new Primitives.Version(term, index), header.Timestamp));
                    }
                }

                store.Publish(new AppliedState(index, term, logTime));
                """)),
        new("expiry-by-wall-clock", "what an entry does depends on no clock",
            new PlantedEdit(ApplyQueue, "writes.IsAwaited(index, term)", "(Planted.WallMs = shard.Context.Clock.WallMs) > 0 && writes.IsAwaited(index, term)"),
            new PlantedEdit(StateMachine, "(long)(logTime >> 16)", "Planted.WallMs")),
        new("lose-parked-entry", "an entry that waits for the disk is applied after all",
            new PlantedEdit(
                ApplyQueue, "Park(new EntryRecords(index, payload, isAwaited));\n                return;",
                "store.Publish(new AppliedState(index, term, Math.Max(store.Applied.LogTime, EntryHeader.Read(payload).Ticks))); raft.OnApplied(index); continue;")),
        new("acked-by-everybody", "acked_by names who has it on disk",
            new PlantedEdit(
                ApplyQueue, "member.Replica != raft.Self && raft.TryGetProgress(member.Replica, out var progress) && progress.Match >= index",
                "member.Replica != raft.Self")),
        new("not-applied-after-append", "not_applied is never said of what has an index",
            new PlantedEdit(
                PartitionWrites, "Finish(writes[i], WriteEnd.Refused(WriteVerdict.Unknown));", "Finish(writes[i], WriteEnd.Refused(WriteVerdict.Expired));")),
        new("fast-batch-shown-in-part", "a fast batch is shown as a whole before it is applied",
            new PlantedEdit(
                StateMachine, "store.OverlayPut(index, operation.Key, operation.Value, info);",
                """
                if (Planted.WallMs == (long)index.Value) continue;
                Planted.WallMs = (long)index.Value;
                store.OverlayPut(index, operation.Key, operation.Value, info);
                """)),
        new("overlay-kept-after-cut", "a fast write that was cut is not shown any more",
            new PlantedEdit(Partition, "Store.OverlayTruncate(from);", "")),
    ];
}

namespace KvStore.Tests.Simulation.Planted;

/// <summary>Mistakes in the log on disk and in the tables.</summary>
internal static class StorageBugs
{
    private const string FlushWorker = "KvStore.Core/Storage/Compaction/FlushWorker.cs";
    private const string Wal = "KvStore.Core/Storage/Wal/";

    public static IReadOnlyList<PlantedBug> All { get; } =
    [
        new("wal-not-synced", "durable means synced",
            new PlantedEdit(
                Wal + "SegmentWriter.cs", "file.DataSync();\n        End = batch.Offset + batch.PaddedLength;", "End = batch.Offset + batch.PaddedLength;")),
        new("recovery-drops-tail", "what is behind the last mark may have been acknowledged, and is kept",
            new PlantedEdit(Wal + "LogRecovery.cs", "replay.ReplayDurable()", "replay.ReplayDurable().GetRange(0, 0)")),
        new("cut-damaged-wal", "a log damaged before its tail is not cut",
            new PlantedEdit(
                Wal + "LogScan.cs", "if (KnownDurable >= Next) SetDamage(segment.File, offset, Next, \"a batch is missing or its checksum is wrong\");", "")),
        new("recycle-last-vote", "a segment goes when later ones hold newer votes",
            new PlantedEdit(
                Wal + "GroupTable.cs", "RecordPayload.HardState(payload)", "RecordPayload.HardState(payload) with { Vote = 0 }")),
        new("recycle-needed-entry", "a segment goes when its entries are in tables",
            new PlantedEdit(
                Wal + "Retention.cs", "isNeeded |= !isApplied || use.LastDetached > Lsn.Zero || (keepsWanted && _wanted.TryGetValue(partition, out var wanted) && use.LastEntry >= wanted);", "")),
        new("flush-overstates", "the manifest says what the tables hold",
            new PlantedEdit(
                FlushWorker, "edit.Partitions.Add(new PartitionRecord(part.Store.Id, part.Generation, part.State, part.Floor, configuration));",
                "edit.Partitions.Add(new PartitionRecord(part.Store.Id, part.Generation, part.Store.Applied, part.Floor, configuration));")),
        new("reader-skips-frozen", "a reader looks at memtables on their way into tables",
            new PlantedEdit("KvStore.Core/Storage/ReadContext.cs", "if (record == null) record = FindInFrozen(view.Frozen, key);", "")),
        new("tombstone-dropped-early", "a tombstone goes when nobody needs it any more",
            new PlantedEdit(
                "KvStore.Core/Storage/Compaction/CompactionJob.cs", "return info.IsTombstone && index <= _record.Floor && !MayBeBelow(key);",
                "return info.IsTombstone;")),
        new("snapshot-keeps-memtables", "a snapshot takes the place of everything that was applied",
            new PlantedEdit(
                "KvStore.Core/Storage/PartitionStore.cs", "new View(record.Generation, record.Floor, _view.Overlays, active, [], tables)",
                "new View(record.Generation, record.Floor, _view.Overlays, active, [_view.Active, .. _view.Frozen], tables)")),
    ];
}

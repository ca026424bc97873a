using KvStore.Core.Primitives;
using KvStore.Core.Storage.Iteration;
using KvStore.Core.Storage.Manifest;
using KvStore.Core.Storage.Table;

namespace KvStore.Core.Storage.Compaction;

/// <summary>
/// Merges the tables of a plan. Of each key the newest record stays; dropped are records of dead generations and tombstones at or below
/// their partition's floor of which nothing older is left below; the values of records that expired by their partition's log time are
/// left out. Runs in steps on one thread.
/// </summary>
/// <param name="version">The version the plan was made from; the job owns a reference.</param>
/// <param name="recordOf">What the manifest says of a partition, null if it is not here.</param>
internal sealed class CompactionJob(
    CompactionPlan plan, TableVersion version, TableSequence tables, Func<PartitionId, PartitionRecord?> recordOf) : IDisposable
{
    private readonly List<PartitionRecord> _kept = [];
    private RecordCursor? _cursor;
    private PartitionId _partition;
    private PartitionRecord? _record;
    private bool _hasRecord;

    public CompactionPlan Plan => plan;

    /// <summary>The partitions of which the new tables may hold something, as they were when it was written.</summary>
    public IReadOnlyList<PartitionRecord> Kept => _kept;

    /// <summary>Bytes written so far.</summary>
    public long Bytes => tables.Bytes;

    /// <summary>Reads about <paramref name="bytes"/> bytes; true if there is nothing left.</summary>
    public bool Step(long bytes)
    {
        if (_cursor is null)
        {
            // Owned before it is moved: what it holds is let go of if a table turns out to be damaged.
            _cursor = Open();
            _cursor.Seek([]);
        }

        for (long read = 0; read < bytes; _cursor.Next())
        {
            if (!_cursor.IsValid) return true;
            var value = _cursor.Value;
            read += _cursor.Key.Length + value.Length + RecordHeader.MaxBytes;
            var info = _cursor.Info;
            if (IsDropped(_cursor.Key, _cursor.Index, info)) continue;
            tables.Add(_cursor.Key, _cursor.Index, info, IsExpired(info) ? [] : value);
        }

        return false;
    }

    /// <summary>Makes the tables durable; returns the edit that puts them in the place of the inputs.</summary>
    public VersionEdit Complete()
    {
        var edit = new VersionEdit();
        foreach (var table in tables.Complete()) edit.Added.Add((plan.TargetLevel, table));
        edit.Removed.AddRange(plan.Inputs.Select(table => table.Info.FileNumber));
        return edit;
    }

    /// <summary>Deletes what was written.</summary>
    public void Abandon() => tables.Abandon();

    public void Dispose()
    {
        _cursor?.Dispose();
        tables.Dispose();
        version.Release();
    }

    private MergeCursor Open()
    {
        var sources = new List<RecordCursor>();
        if (plan.Level == 0)
            foreach (var table in plan.Upper) sources.Add(new LevelCursor([table], BlockAccess.Direct));
        else
            sources.Add(new LevelCursor(plan.Upper, BlockAccess.Direct));
        if (plan.Lower.Length > 0) sources.Add(new LevelCursor(plan.Lower, BlockAccess.Direct));
        return new MergeCursor(sources);
    }

    private bool IsDropped(ReadOnlySpan<byte> key, LogIndex index, in RecordInfo info)
    {
        var partition = StorageKey.PartitionOf(key);
        if (!_hasRecord || partition != _partition)
        {
            _record = recordOf(partition);
            _partition = partition;
            _hasRecord = true;
            if (_record is not null) _kept.Add(_record);
        }

        if (_record is null || StorageKey.GenerationOf(key) != _record.Generation) return true;
        return info.IsTombstone && index <= _record.Floor && !MayBeBelow(key);
    }

    private bool IsExpired(in RecordInfo info) => info.ExpiresAtMs != 0 && (ulong)info.ExpiresAtMs <= _record!.Applied.LogTime >> 16;

    private bool MayBeBelow(ReadOnlySpan<byte> key)
    {
        for (var level = plan.TargetLevel + 1; level < TableVersion.LevelCount; level++)
        {
            var deeper = version.Level(level);
            var at = LevelCursor.FirstEndingAtOrAfter(deeper, key);
            if (at < deeper.Length && deeper[at].Info.Covers(key)) return true;
        }

        return false;
    }
}

using KvStore.Core.Primitives;
using KvStore.Core.Storage.Iteration;
using KvStore.Core.Storage.Manifest;
using KvStore.Core.Storage.MemTable;
using KvStore.Core.Storage.Table;

namespace KvStore.Core.Storage.Compaction;

/// <summary>
/// Writes frozen memtables of any number of partitions to tables of level 0, of each key the newest record, then one edit with the tables
/// and how far each partition is applied. Runs in steps; after <see cref="OutOfSpaceException"/> it can be begun anew.
/// </summary>
internal sealed class FlushJob(IReadOnlyList<FrozenPart> parts, Func<TableSequence> newTables) : IDisposable
{
    private TableSequence? _tables;
    private RecordCursor? _cursor;
    private int _part;

    /// <summary>In the order of partitions.</summary>
    public IReadOnlyList<FrozenPart> Parts => parts;

    /// <summary>Bytes written so far.</summary>
    public long Bytes => _tables?.Bytes ?? 0;

    /// <summary>Writes about <paramref name="bytes"/> bytes; true if there is nothing left to write.</summary>
    public bool Step(long bytes)
    {
        _tables ??= newTables();
        for (var until = _tables.Bytes + bytes; _tables.Bytes < until;)
        {
            if (_cursor is null && !OpenNext()) return true;
            if (_cursor!.IsValid)
            {
                _tables.Add(_cursor.Key, _cursor.Index, _cursor.Info, _cursor.Value);
                _cursor.Next();
                continue;
            }

            _cursor.Dispose();
            _cursor = null;
            _part++;
        }

        return false;
    }

    /// <summary>Makes the tables durable; the edit names them and, unless its data was replaced meanwhile, each partition's new state.</summary>
    public IReadOnlyList<TableInfo> Complete() => _tables!.Complete();

    /// <summary>Gives up what was written, to begin anew.</summary>
    public void Restart()
    {
        _cursor?.Dispose();
        _cursor = null;
        _tables?.Abandon();
        _tables = null;
        _part = 0;
    }

    /// <summary>Lets go of the memtables.</summary>
    public void Dispose()
    {
        _cursor?.Dispose();
        _tables?.Dispose();
        foreach (var part in parts) part.Table?.Release();
    }

    private bool OpenNext()
    {
        while (_part < parts.Count && parts[_part].Table is null) _part++;
        if (_part == parts.Count) return false;
        var part = parts[_part];
        var prefix = new byte[StorageKey.PrefixBytes];
        StorageKey.WritePrefix(prefix, part.Store.Id, part.Generation, StorageKey.UserSpace);
        _cursor = new MemTableCursor(part.Table!, prefix, LogIndex.Zero, part.State.Index);
        _cursor.Seek(prefix);
        return true;
    }
}

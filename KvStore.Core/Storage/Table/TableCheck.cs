using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Table;

/// <summary>Reads one table whole and compares its parts with each other and with the manifest.</summary>
internal sealed class TableCheck(IFileSystem fs, string directory, TableInfo table, BlockCache cache, Action<string, long, string> report)
{
    private readonly string _path = Path.Combine(directory, TableFormat.FileName(table.FileNumber));
    private long _records;
    private long _tombstones;
    private byte[] _last = [];

    public void Run()
    {
        try
        {
            using var reader = TableReader.Open(fs, _path, table, cache);
            var facts = reader.ReadProperties();
            using (var cursor = new TableCursor(reader, BlockAccess.Direct))
                for (cursor.Seek([]); cursor.IsValid; cursor.Next()) Look(reader, cursor);
            if (_records != facts.Records || _records != table.Records || _tombstones != facts.Tombstones)
                report(_path, 0, $"{_records} records with {_tombstones} tombstones; its properties say {facts.Records} and {facts.Tombstones}, the manifest {table.Records}");
            if (!_last.AsSpan().SequenceEqual(table.Largest)) report(_path, 0, "its last key is not the one that the manifest says");
        }
        catch (CorruptionException e)
        {
            report(_path, e.Offset, e.Message);
        }
    }

    private void Look(TableReader reader, TableCursor cursor)
    {
        var key = cursor.Key;
        if (_records == 0 && !key.SequenceEqual(table.Smallest)) report(_path, 0, "its first key is not the one that the manifest says");
        if (_records > 0 && key.SequenceCompareTo(_last) <= 0) report(_path, 0, $"record {_records} is out of order");
        _records++;
        if (cursor.Info.IsTombstone) _tombstones++;
        if (_last.Length != key.Length) _last = new byte[key.Length];
        key.CopyTo(_last);
        if (reader.Find(key, StableHash.Of(key), BlockAccess.Cached, out var index, out _, out _, out var held) != Lookup.Found || index != cursor.Index)
            report(_path, 0, $"record {_records} is not found by its key: filter or index is wrong");
        held.Release();
    }
}

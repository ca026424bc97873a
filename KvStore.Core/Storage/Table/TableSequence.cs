using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Table;

/// <summary>Writes records in key order to one table after another, beginning a new one when the current has reached either bound. One owner.</summary>
internal sealed class TableSequence(IFileSystem fs, string directory, Func<ulong> newFileNumber, long tableBytes, long tableRecords) : IDisposable
{
    private readonly List<TableInfo> _complete = [];
    private TableWriter? _writer;
    private bool _isHandedOver;

    /// <summary>Bytes in complete tables.</summary>
    public long CompleteBytes { get; private set; }

    /// <summary>Bytes written so far.</summary>
    public long Bytes => CompleteBytes + (_writer?.Bytes ?? 0);

    /// <summary>Adds a record; storage keys strictly ascend.</summary>
    public void Add(ReadOnlySpan<byte> key, LogIndex index, in RecordInfo info, ReadOnlySpan<byte> value)
    {
        if (_writer is not null && (_writer.Bytes >= tableBytes || _writer.Records >= tableRecords)) CompleteTable();
        _writer ??= new TableWriter(fs, directory, newFileNumber());
        _writer.Add(key, index, info, value);
    }

    /// <summary>Completes the last table and makes the names of all of them durable. From now on they belong to the caller, who names them in the manifest.</summary>
    public IReadOnlyList<TableInfo> Complete()
    {
        if (_writer is not null) CompleteTable();
        if (_complete.Count > 0) fs.SyncDirectory(directory);
        _isHandedOver = true;
        return _complete;
    }

    /// <summary>
    /// Deletes the tables that were completed, as far as the disk allows: no manifest names them. Once they were handed over that is not
    /// known any more: an edit that could not be synced may have become durable all the same.
    /// </summary>
    public void Abandon()
    {
        Dispose();
        if (_isHandedOver) return;
        foreach (var table in _complete)
        {
            try
            {
                fs.Delete(Path.Combine(directory, TableFormat.FileName(table.FileNumber)));
            }
            catch (DiskException)
            {
                // Deleted at the next start.
            }
        }

        _complete.Clear();
    }

    public void Dispose()
    {
        _writer?.Dispose();
        _writer = null;
    }

    private void CompleteTable()
    {
        var table = _writer!.Complete();
        _complete.Add(table);
        CompleteBytes += table.Bytes;
        Dispose();
    }
}

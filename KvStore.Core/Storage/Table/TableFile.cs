using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Table;

/// <summary>
/// A table that some version names. Opened when it is first read. Counted references: when the last version that names it is gone, its
/// file is no longer wanted and goes to the engine for deletion.
/// </summary>
internal sealed class TableFile(IFileSystem fs, string directory, TableInfo info, BlockCache cache, Action<TableFile> onUnwanted)
{
    private readonly Lock _opening = new();
    private TableReader? _reader;
    private int _references;
    private bool _isKept;

    public TableInfo Info { get; } = info;

    public string Path { get; } = System.IO.Path.Combine(directory, TableFormat.FileName(info.FileNumber));

    /// <summary>An input of a running compaction. Under the engine's lock.</summary>
    public bool IsBusy { get; set; }

    /// <summary>How much of it is known to belong to dead generations, 0 to 1.</summary>
    public double DeadShare { get; set; }

    /// <summary>Damaged: readers are told, compaction leaves it alone for a while. Under the engine's lock.</summary>
    public bool IsQuarantined { get; set; }

    /// <summary>For how many nanoseconds it was quarantined last; 0: never.</summary>
    public long QuarantineNs { get; set; }

    /// <summary>The open table.</summary>
    /// <exception cref="CorruptionException">It is missing or damaged.</exception>
    public TableReader Reader => Volatile.Read(ref _reader) ?? OpenReader();

    /// <summary>The open table, or null if nobody has read it yet.</summary>
    public TableReader? ReaderIfOpen => Volatile.Read(ref _reader);

    public void AddReference() => Interlocked.Increment(ref _references);

    public void Release()
    {
        var left = Interlocked.Decrement(ref _references);
        Invariant.Check(left >= 0);
        if (left == 0) onUnwanted(this);
    }

    /// <summary>The engine closes: the last reference will not mean that the file is unwanted.</summary>
    public void KeepFile() => Volatile.Write(ref _isKept, true);

    /// <summary>Nobody reads it any more: closes it and deletes the file unless it is kept.</summary>
    public void Retire()
    {
        _reader?.Dispose();
        _reader = null;
        if (!Volatile.Read(ref _isKept) && fs.FileExists(Path)) fs.Delete(Path);
    }

    private TableReader OpenReader()
    {
        lock (_opening)
        {
            _reader ??= TableReader.Open(fs, Path, Info, cache);
            return _reader;
        }
    }
}

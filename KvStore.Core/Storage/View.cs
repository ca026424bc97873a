using KvStore.Core.Primitives;
using KvStore.Core.Storage.MemTable;

namespace KvStore.Core.Storage;

/// <summary>
/// Everything a reader of one partition looks at, at one moment: immutable, with counted references. A freeze, a flush, a compaction and a
/// change of the overlay each publish a new View; the memory and the files that an old one names live until its last reader is gone.
/// </summary>
internal sealed class View
{
    private int _references = 1;

    /// <summary>Takes a reference of its own to everything it names.</summary>
    public View(
        Generation generation, LogIndex floor, PartitionMemTable[] overlays, PartitionMemTable active, PartitionMemTable[] frozen,
        TableVersion tables)
    {
        Generation = generation;
        Floor = floor;
        Overlays = overlays;
        Active = active;
        Frozen = frozen;
        Tables = tables;
        foreach (var overlay in overlays) overlay.AddReference();
        active.AddReference();
        foreach (var table in frozen) table.AddReference();
        tables.AddReference();
    }

    public Generation Generation { get; }

    /// <summary>Tombstones at or below it count as absent.</summary>
    public LogIndex Floor { get; }

    /// <summary>Acknowledged and perhaps uncommitted writes, newest first.</summary>
    public PartitionMemTable[] Overlays { get; }

    public PartitionMemTable Active { get; }

    /// <summary>Memtables on their way into tables, newest first.</summary>
    public PartitionMemTable[] Frozen { get; }

    /// <summary>The tables of all partitions.</summary>
    public TableVersion Tables { get; }

    /// <summary>False if the View is already gone: load the current one again.</summary>
    public bool TryAcquire()
    {
        var seen = Volatile.Read(ref _references);
        while (seen > 0)
        {
            var before = Interlocked.CompareExchange(ref _references, seen + 1, seen);
            if (before == seen) return true;
            seen = before;
        }

        return false;
    }

    public void Release()
    {
        var left = Interlocked.Decrement(ref _references);
        Invariant.Check(left >= 0);
        if (left > 0) return;
        foreach (var overlay in Overlays) overlay.Release();
        Active.Release();
        foreach (var table in Frozen) table.Release();
        Tables.Release();
    }
}

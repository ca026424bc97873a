using KvStore.Core.Primitives;
using KvStore.Core.Storage.Iteration;
using KvStore.Core.Storage.MemTable;

namespace KvStore.Core.Storage;

/// <summary>
/// What a <see cref="ReadView"/> owns while it is open: the pinned View and what the last read holds. Kept per thread and used again,
/// so that a read allocates nothing.
/// </summary>
internal sealed unsafe class ReadContext
{
    [ThreadStatic]
    private static ReadContext? _free;

    private readonly List<RecordCursor> _cursors = [];
    private ReadContext? _nextFree;
    private View? _view;
    private PartitionId _partition;
    private LogIndex _overlayThrough;
    private AppliedState _state;

    public int Lease { get; private set; }

    public AppliedState State => _state;

    /// <summary>Pins a partition's current View.</summary>
    /// <remarks>
    /// The overlay's bound is read before the applied state: a fast write that is applied in between is then found as applied.
    /// The other way round it could be ignored in both places.
    /// </remarks>
    public static ReadContext Begin(PartitionStore store)
    {
        var context = _free ?? new ReadContext();
        _free = context._nextFree;
        context._nextFree = null;
        context._view = store.AcquireView();
        context._partition = store.Id;
        var overlays = context._view.Overlays;
        context._overlayThrough = overlays.Length > 0 ? overlays[0].Published.Index : LogIndex.Zero;
        context._state = context._view.Active.Published.Get();
        return context;
    }

    public void End(int lease)
    {
        if (lease != Lease) return;
        Lease++;
        foreach (var cursor in _cursors) cursor.Dispose();
        _cursors.Clear();
        _view!.Release();
        _view = null;
        _nextFree = _free;
        _free = this;
    }

    public bool TryGet(ReadOnlySpan<byte> key, bool includeOverlay, out RecordInfo info, out ReadOnlySpan<byte> value)
    {
        var view = _view!;
        var record = includeOverlay ? FindInOverlays(view.Overlays, key) : null;
        if (record == null) record = view.Active.Find(key, _state.Index);
        if (record == null) record = FindInFrozen(view.Frozen, key);
        if (record == null)
        {
            info = default;
            value = default;
            return false;
        }

        info = record->Info;
        value = MemRecord.Value(record);
        return !IsBelowFloor(info, new LogIndex(record->Index));
    }

    public RecordCursor Scan(ReadOnlySpan<byte> start, bool includeOverlay)
    {
        var view = _view!;
        var prefix = new byte[StorageKey.PrefixBytes];
        StorageKey.WritePrefix(prefix, _partition, view.Generation, StorageKey.UserSpace);
        var sources = new List<RecordCursor>();
        if (includeOverlay)
            foreach (var overlay in view.Overlays) sources.Add(new MemTableCursor(overlay, prefix, _state.Index, _overlayThrough));
        sources.Add(new MemTableCursor(view.Active, prefix, LogIndex.Zero, _state.Index));
        foreach (var table in view.Frozen) sources.Add(new MemTableCursor(table, prefix, LogIndex.Zero, _state.Index));
        var cursor = new MergeCursor(sources);
        _cursors.Add(cursor);
        cursor.Seek([.. prefix, .. start]);
        return cursor;
    }

    /// <summary>A cursor over everything of a View that is applied and its tables, at its first record. The caller holds the View.</summary>
    public static RecordCursor OpenCursor(View view, PartitionId partition)
    {
        var prefix = new byte[StorageKey.PrefixBytes];
        StorageKey.WritePrefix(prefix, partition, view.Generation, StorageKey.UserSpace);
        var through = view.Active.Published.Index;
        List<RecordCursor> sources = [new MemTableCursor(view.Active, prefix, LogIndex.Zero, through)];
        foreach (var table in view.Frozen) sources.Add(new MemTableCursor(table, prefix, LogIndex.Zero, through));
        var cursor = new MergeCursor(sources);
        cursor.Seek(prefix);
        return cursor;
    }

    /// <summary>From the partition's floor on, a tombstone at or below it counts as absent, whether it is still stored or not.</summary>
    public bool IsBelowFloor(in RecordInfo info, LogIndex index) => info.IsTombstone && index <= _view!.Floor;

    private MemRecord* FindInOverlays(PartitionMemTable[] overlays, ReadOnlySpan<byte> key)
    {
        foreach (var overlay in overlays)
        {
            var record = overlay.Find(key, _overlayThrough);
            if (record != null && record->Index > _state.Index.Value) return record;
        }

        return null;
    }

    private MemRecord* FindInFrozen(PartitionMemTable[] frozen, ReadOnlySpan<byte> key)
    {
        foreach (var table in frozen)
        {
            var record = table.Find(key, _state.Index);
            if (record != null) return record;
        }

        return null;
    }
}

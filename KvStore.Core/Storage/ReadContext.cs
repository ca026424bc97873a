using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage.Iteration;
using KvStore.Core.Storage.MemTable;
using KvStore.Core.Storage.Table;

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
    private PartitionStore? _store;
    private LogIndex _overlayThrough;
    private AppliedState _state;
    private readonly byte[] _storageKey = new byte[StorageKey.PrefixBytes + StorageKey.MaxKeyBytes];
    private BlockRef _held;

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
        context._store = store;
        var overlays = context._view.Overlays;
        context._overlayThrough = overlays.Length > 0 ? overlays[0].Published.Index : LogIndex.Zero;
        context._state = context._view.Active.Published.Get();
        StorageKey.WritePrefix(context._storageKey, store.Id, context._view.Generation, StorageKey.UserSpace);
        return context;
    }

    public void End(int lease)
    {
        if (lease != Lease) return;
        Lease++;
        ReleaseHeld();
        foreach (var cursor in _cursors) cursor.Dispose();
        _cursors.Clear();
        _view!.Release();
        _view = null;
        _store = null;
        _nextFree = _free;
        _free = this;
    }

    public bool TryGet(ReadOnlySpan<byte> key, bool includeOverlay, out RecordInfo info, out ReadOnlySpan<byte> value)
    {
        try
        {
            return Find(key, includeOverlay, BlockAccess.Cached, out info, out value) == Lookup.Found;
        }
        catch (CorruptionException e)
        {
            Report(e);
            throw;
        }
    }

    /// <summary>As <see cref="TryGet"/>, without reading the disk. Damage is left to whoever then reads it.</summary>
    public Lookup FindInMemory(ReadOnlySpan<byte> key, bool includeOverlay, out RecordInfo info, out ReadOnlySpan<byte> value)
    {
        try
        {
            return Find(key, includeOverlay, BlockAccess.InMemory, out info, out value);
        }
        catch (CorruptionException)
        {
            info = default;
            value = default;
            return Lookup.NeedsDisk;
        }
    }

    /// <summary>A cursor on the first user record from <paramref name="start"/> on, which ends before <paramref name="end"/> (empty: with the partition). Ends with the lease.</summary>
    public RecordCursor Scan(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end, bool includeOverlay)
    {
        var view = _view!;
        var prefix = Prefix(_store!.Id, view.Generation, StorageKey.UserSpace);
        byte[] first = [.. prefix, .. start];
        var last = end.IsEmpty ? Prefix(_store!.Id, view.Generation, StorageKey.UserSpace + 1) : [.. prefix, .. end];
        var sources = new List<RecordCursor>();
        if (includeOverlay)
            foreach (var overlay in view.Overlays) sources.Add(new MemTableCursor(overlay, prefix, _state.Index, _overlayThrough));
        AddApplied(sources, view, prefix, _state.Index);
        view.Tables.AddCursors(sources, first, last, BlockAccess.Cached);
        var cursor = new BoundedCursor(new MergeCursor(sources), last);
        _cursors.Add(cursor);
        try
        {
            cursor.Seek(first);
            return cursor;
        }
        catch (CorruptionException e)
        {
            Report(e);
            throw;
        }
    }

    /// <summary>Moves a cursor of this context to its next record above the floor, from before the first when <paramref name="started"/> is false.</summary>
    public bool MoveNext(RecordCursor cursor, ref bool started)
    {
        try
        {
            while (true)
            {
                if (started && cursor.IsValid) cursor.Next();
                started = true;
                if (!cursor.IsValid) return false;
                if (!IsBelowFloor(cursor.Info, cursor.Index)) return true;
            }
        }
        catch (CorruptionException e)
        {
            Report(e);
            throw;
        }
    }

    /// <summary>A damaged table was met. The reader is told by the exception itself.</summary>
    public void Report(CorruptionException e) => _store!.Engine.OnCorruption(e, _store.Id);

    /// <summary>A cursor over everything that is applied up to an entry, of all spaces, at its first record. The caller holds the View as long as the cursor.</summary>
    public static RecordCursor OpenExport(View view, PartitionId partition, LogIndex through)
    {
        var prefix = Prefix(partition, view.Generation, StorageKey.UserSpace);
        var last = Prefix(partition, view.Generation, byte.MaxValue);
        var sources = new List<RecordCursor>();
        AddApplied(sources, view, prefix, through);
        view.Tables.AddCursors(sources, prefix, last, BlockAccess.Direct);
        var cursor = new BoundedCursor(new MergeCursor(sources), last);
        try
        {
            cursor.Seek(prefix);
            return cursor;
        }
        catch
        {
            cursor.Dispose();
            throw;
        }
    }

    /// <summary>From the partition's floor on, a tombstone at or below it counts as absent, whether it is still stored or not.</summary>
    public bool IsBelowFloor(in RecordInfo info, LogIndex index) => info.IsTombstone && index <= _view!.Floor;

    private Lookup Find(ReadOnlySpan<byte> key, bool includeOverlay, BlockAccess access, out RecordInfo info, out ReadOnlySpan<byte> value)
    {
        ReleaseHeld();
        var view = _view!;
        var record = includeOverlay ? FindInOverlays(view.Overlays, key) : null;
        if (record == null) record = view.Active.Find(key, _state.Index);
        if (record == null) record = FindInFrozen(view.Frozen, key);
        if (record == null) return FindInTables(view, key, access, out info, out value);
        info = MemRecord.Info(record);
        value = MemRecord.Value(record);
        return IsBelowFloor(info, new LogIndex(record->Index)) ? Lookup.Absent : Lookup.Found;
    }

    private Lookup FindInTables(View view, ReadOnlySpan<byte> key, BlockAccess access, out RecordInfo info, out ReadOnlySpan<byte> value)
    {
        if (key.Length > StorageKey.MaxKeyBytes)
        {
            info = default;
            value = default;
            return Lookup.Absent;
        }

        key.CopyTo(_storageKey.AsSpan(StorageKey.PrefixBytes));
        var storageKey = _storageKey.AsSpan(0, StorageKey.PrefixBytes + key.Length);
        var lookup = view.Tables.Find(storageKey, access, out var index, out info, out value, out _held);
        return lookup == Lookup.Found && IsBelowFloor(info, index) ? Lookup.Absent : lookup;
    }

    private void ReleaseHeld()
    {
        _held.Release();
        _held = default;
    }

    private static void AddApplied(List<RecordCursor> sources, View view, byte[] prefix, LogIndex through)
    {
        sources.Add(new MemTableCursor(view.Active, prefix, LogIndex.Zero, through));
        foreach (var table in view.Frozen) sources.Add(new MemTableCursor(table, prefix, LogIndex.Zero, through));
    }

    private static byte[] Prefix(PartitionId partition, Generation generation, byte space)
    {
        var prefix = new byte[StorageKey.PrefixBytes];
        StorageKey.WritePrefix(prefix, partition, generation, space);
        return prefix;
    }

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

using KvStore.Core.Primitives;
using KvStore.Core.Storage.Compaction;
using KvStore.Core.Storage.Manifest;
using KvStore.Core.Storage.MemTable;

namespace KvStore.Core.Storage;

/// <summary>
/// One partition on this node. The methods that write belong to the shard that owns the partition and are called by one thread at a time;
/// reading is free to all.
/// </summary>
/// <remarks>
/// The operations of one entry and its <see cref="Publish"/> run on one thread without a pause: the gate is held in between, so that no
/// freeze cuts an entry in two.
/// </remarks>
public sealed class PartitionStore
{
    private const long OverlayRotationBytes = 64 << 10;

    private readonly StorageEngine _engine;
    private readonly Lock _gate = new();
    private readonly AppliedCell _durable = new();
    private View _view;
    private byte[] _configuration;
    private LogIndex _frozenThrough;
    private bool _inEntry;
    private ulong _seeds;

    internal PartitionStore(StorageEngine engine, PartitionRecord record, TableVersion tables)
    {
        _engine = engine;
        Id = record.Id;
        _configuration = record.Configuration!;
        _frozenThrough = record.Applied.Index;
        _durable.Set(record.Applied);
        var active = NewMemTable(record.Applied);
        _view = new View(record.Generation, record.Floor, [], active, [], tables);
        active.Release();
    }

    public PartitionId Id { get; }

    /// <summary>What the synced manifest says: entries up to here need no log.</summary>
    public AppliedState Durable => _durable.Get();

    /// <summary>What is applied and published. Any thread.</summary>
    public AppliedState Applied => Volatile.Read(ref _view).Active.Published.Get();

    /// <summary>Opaque bytes that are saved with the applied state.</summary>
    public byte[] Configuration => Volatile.Read(ref _configuration);

    /// <summary>Tombstones at or below it count as absent. Zero until a log entry has raised it.</summary>
    public LogIndex Floor => Volatile.Read(ref _view).Floor;

    internal StorageEngine Engine => _engine;

    internal Generation Generation => Volatile.Read(ref _view).Generation;

    /// <summary>Part of the entry <paramref name="index"/>; visible after <see cref="Publish"/>. Within an entry the last operation on a key wins.</summary>
    /// <param name="key">1 to 4,096 bytes; copied.</param>
    /// <param name="value">Up to 16 MiB; copied.</param>
    public void Put(LogIndex index, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, in RecordInfo info)
    {
        EnterEntry();
        var active = _view.Active;
        Invariant.Check(index > active.Published.Index);
        var before = active.Bytes;
        active.Put(index, key, value, info);
        if (active.Bytes != before) _engine.MemTables.OnGrown(active.Bytes - before);
    }

    /// <summary>As <see cref="Put"/>, leaving a tombstone.</summary>
    public void Delete(LogIndex index, ReadOnlySpan<byte> key, in RecordInfo info) => Put(index, key, [], info with { IsTombstone = true });

    /// <summary>Raises the floor with the entry that is being applied.</summary>
    public void SetFloor(LogIndex floor)
    {
        EnterEntry();
        Invariant.Check(floor >= _view.Floor);
        var view = _view;
        ReplaceView(new View(view.Generation, floor, view.Overlays, view.Active, view.Frozen, view.Tables));
    }

    /// <summary>Replaces the configuration with the entry that is being applied.</summary>
    public void SetConfiguration(ReadOnlySpan<byte> configuration)
    {
        EnterEntry();
        Volatile.Write(ref _configuration, configuration.ToArray());
    }

    /// <summary>Ends an entry (or several): all of it becomes visible at once.</summary>
    public void Publish(in AppliedState state)
    {
        EnterEntry();
        var active = _view.Active;
        Invariant.Check(state.Index > active.Published.Index && state.Index >= active.LastIndex);
        active.Published.Set(state);
        if (_view.Overlays.Length > 0) DropAppliedOverlays(state.Index);
        _inEntry = false;
        _gate.Exit();
    }

    /// <summary>An acknowledged write that may not be committed yet: local reads see it after <see cref="PublishOverlay"/>, until its entry is applied or cut.</summary>
    public void OverlayPut(LogIndex index, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, in RecordInfo info)
    {
        var overlays = _view.Overlays;
        if (overlays.Length == 0 || IsOverlayFull(overlays))
        {
            AddOverlay();
            overlays = _view.Overlays;
        }

        overlays[0].Put(index, key, value, info);
    }

    /// <summary>As <see cref="OverlayPut"/>, for a deletion.</summary>
    public void OverlayDelete(LogIndex index, ReadOnlySpan<byte> key, in RecordInfo info) =>
        OverlayPut(index, key, [], info with { IsTombstone = true });

    /// <summary>Makes the overlay's entries up to <paramref name="through"/> visible in one step.</summary>
    public void PublishOverlay(LogIndex through)
    {
        if (_view.Overlays.Length == 0) return;
        var published = _view.Overlays[0].Published;
        if (through > published.Index) published.Set(new AppliedState(through, default, 0));
    }

    /// <summary>Entries from <paramref name="from"/> on were cut from the log: they vanish from the overlay.</summary>
    public void OverlayTruncate(LogIndex from)
    {
        var view = _view;
        if (view.Overlays.Length == 0 || from > view.Overlays[0].LastIndex) return;
        var through = LogIndex.Min(view.Overlays[0].Published.Index, from.Previous);
        var kept = NewMemTable(new AppliedState(through, default, 0));
        foreach (var overlay in view.Overlays) CopyThrough(overlay, kept, through);
        lock (_gate) ReplaceView(WithOverlays(kept.IsEmpty ? [] : [kept]));
        kept.Release();
    }

    /// <summary>Opens a scan of the records from <paramref name="start"/> (inclusive) to <paramref name="end"/> (exclusive; empty: to the last key). Any thread.</summary>
    public PartitionScan OpenScan(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end, bool includeOverlay) => new(this, start, end, includeOverlay);

    /// <summary>Pins what is applied now. Any thread.</summary>
    public ReadView Pin() => new(ReadContext.Begin(this));

    /// <summary>Pins what is applied now, to be streamed to another replica. Any thread, not within an entry.</summary>
    public PartitionExport BeginExport()
    {
        var (view, state, configuration) = PinApplied();
        try
        {
            return new PartitionExport(view, ReadContext.OpenExport(view, Id, state.Index), state, configuration);
        }
        catch
        {
            view.Release();
            throw;
        }
    }

    /// <summary>What belongs together, pinned. What is read from the disk then is not read under the gate: the shard would wait for the disk, too.</summary>
    private (View View, AppliedState State, byte[] Configuration) PinApplied()
    {
        lock (_gate)
        {
            var view = AcquireView();
            return (view, view.Active.Published.Get(), _configuration);
        }
    }

    /// <summary>
    /// Begins to take another replica's snapshot into a new generation. What is here stays visible until <see cref="PartitionIngest.Install"/>;
    /// the shard applies nothing to the partition in between.
    /// </summary>
    public PartitionIngest BeginIngest(AppliedState state, ReadOnlySpan<byte> configuration) =>
        new(_engine, this, state, configuration.ToArray());

    internal View AcquireView()
    {
        while (true)
        {
            var view = Volatile.Read(ref _view);
            if (view.TryAcquire()) return view;
        }
    }

    /// <summary>The partition is gone, or the engine closes: whoever still reads finds nothing.</summary>
    internal void Close()
    {
        lock (_gate)
        {
            var nothing = TableVersion.Empty;
            var empty = NewMemTable(_view.Active.Published.Get());
            DropMemTables(_view);
            ReplaceView(new View(_view.Generation, _view.Floor, [], empty, [], nothing));
            empty.Release();
            nothing.Release();
        }
    }

    internal PartitionMemTable NewMemTable(in AppliedState state) =>
        new(_engine.Chunks, ((ulong)Id.Value << 48) ^ (++_seeds * 0x9E3779B97F4A7C15), state);

    /// <summary>Sets everything that is applied and not yet in tables aside for a flush; null if there is nothing. The caller releases the memtable.</summary>
    internal FrozenPart? Freeze()
    {
        lock (_gate)
        {
            var view = _view;
            var state = view.Active.Published.Get();
            if (state.Index == _frozenThrough) return null;
            _frozenThrough = state.Index;
            if (view.Active.IsEmpty) return new FrozenPart(this, view.Generation, null, state, _configuration, view.Floor);
            var part = new FrozenPart(this, view.Generation, view.Active, state, _configuration, view.Floor);
            view.Active.AddReference();
            _engine.MemTables.OnFrozen(view.Active.Bytes);
            var active = NewMemTable(state);
            ReplaceView(new View(view.Generation, view.Floor, view.Overlays, active, [view.Active, .. view.Frozen], view.Tables));
            active.Release();
            return part;
        }
    }

    /// <summary>Looks at new tables; if they hold what a frozen part held, its memtable goes. Under the lock that guards the tables.</summary>
    internal void UseTables(TableVersion tables, FrozenPart? flushed = null)
    {
        lock (_gate)
        {
            var view = _view;
            var frozen = view.Frozen;
            if (flushed is not null && flushed.Generation == view.Generation)
            {
                _durable.Set(flushed.State);
                if (flushed.Table is { } table)
                {
                    frozen = Array.FindAll(frozen, other => other != table);
                    _engine.MemTables.OnFlushed(table.Bytes);
                }
            }

            ReplaceView(new View(view.Generation, view.Floor, view.Overlays, view.Active, frozen, tables));
        }
    }

    /// <summary>
    /// Puts a snapshot in the place of everything that was applied. The overlay stays: what of it is not newer is ignored by readers.
    /// Under the lock that guards the tables.
    /// </summary>
    internal void Install(PartitionRecord record, TableVersion tables)
    {
        lock (_gate)
        {
            DropMemTables(_view);
            _durable.Set(record.Applied);
            _frozenThrough = record.Applied.Index;
            Volatile.Write(ref _configuration, record.Configuration!);
            var active = NewMemTable(record.Applied);
            ReplaceView(new View(record.Generation, record.Floor, _view.Overlays, active, [], tables));
            active.Release();
        }
    }

    private void DropMemTables(View view) => _engine.MemTables.OnDropped(view.Active.Bytes, view.Frozen.Sum(table => table.Bytes));

    private void EnterEntry()
    {
        if (_inEntry) return;
        _gate.Enter();
        _inEntry = true;
    }

    /// <summary>A new overlay is begun when the current one is large and not smaller than all the older ones: their number stays logarithmic.</summary>
    private static bool IsOverlayFull(PartitionMemTable[] overlays)
    {
        var current = overlays[0].Bytes;
        if (current <= OverlayRotationBytes || overlays[0].Published.Index < overlays[0].LastIndex) return false;
        long older = 0;
        for (var i = 1; i < overlays.Length; i++) older += overlays[i].Bytes;
        return current >= older;
    }

    private void AddOverlay()
    {
        lock (_gate)
        {
            var through = _view.Overlays.Length > 0 ? _view.Overlays[0].Published.Index : LogIndex.Zero;
            var overlay = NewMemTable(new AppliedState(through, default, 0));
            ReplaceView(WithOverlays([overlay, .. _view.Overlays]));
            overlay.Release();
        }
    }

    /// <summary>Overlays of which every entry is applied have nothing to show; the current one is kept until it is worth its replacement.</summary>
    private void DropAppliedOverlays(LogIndex applied)
    {
        var overlays = _view.Overlays;
        var kept = overlays.Length;
        while (kept > 0 && overlays[kept - 1].LastIndex <= applied && (kept > 1 || overlays[0].Bytes > OverlayRotationBytes)) kept--;
        if (kept < overlays.Length) ReplaceView(WithOverlays(overlays[..kept]));
    }

    private static unsafe void CopyThrough(PartitionMemTable from, PartitionMemTable to, LogIndex through)
    {
        MemRecord* last = null;
        for (var record = from.Seek([], through); record != null; record = MemRecord.Next(record, 0))
        {
            // Of several operations of one entry on one key the first in the list is the last that was given.
            var isReplaced = last != null && last->Index == record->Index && MemRecord.Key(last).SequenceEqual(MemRecord.Key(record));
            last = record;
            if (!isReplaced && record->Index <= through.Value)
                to.Put(new LogIndex(record->Index), MemRecord.Key(record), MemRecord.Value(record), MemRecord.Info(record));
        }
    }

    private View WithOverlays(PartitionMemTable[] overlays) =>
        new(_view.Generation, _view.Floor, overlays, _view.Active, _view.Frozen, _view.Tables);

    /// <summary>Under the gate.</summary>
    private void ReplaceView(View view)
    {
        var old = _view;
        Volatile.Write(ref _view, view);
        old.Release();
    }
}

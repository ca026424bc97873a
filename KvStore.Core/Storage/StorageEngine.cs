using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage.Compaction;
using KvStore.Core.Storage.Manifest;
using KvStore.Core.Storage.MemTable;
using KvStore.Core.Storage.Table;

namespace KvStore.Core.Storage;

/// <summary>
/// All partitions of one node: memtables in front of one tree of tables. Knows nothing of logs and replicas: it is told what was applied,
/// and tells when that needs no log any more.
/// </summary>
/// <remarks>Locks are taken in this order: a worker's own, the tree's, a partition's gate.</remarks>
public sealed class StorageEngine : IDisposable
{
    internal const int MaxPartitions = 4096;

    private readonly IFileSystem _fs;
    private readonly StorageOptions _options;
    private readonly IStorageListener _listener;
    private readonly BlockCache _cache;
    private readonly TableTree _tree;
    private readonly FlushWorker _flush;
    private readonly CompactionWorker[] _compactions;
    private readonly FreeSpace _space;

    // By id; changed under the tree's lock.
    private readonly PartitionStore?[] _partitions = new PartitionStore?[MaxPartitions];
    private Exception? _failure;
    private volatile bool _isOpen;

    private StorageEngine(IFileSystem fs, string directory, StorageOptions options, IScheduler scheduler, IClock clock, IStorageListener listener)
    {
        _fs = fs;
        _options = options;
        _listener = listener;
        Chunks = new ChunkPool(options.MemTableBytes, options.PoisonFreedMemory);
        MemTables = new MemTableBudget(options.MemTableBytes, () => _flush?.Request(null));
        WriteController = new WriteController(clock, options);
        _cache = new BlockCache(options.BlockCacheBytes, options.PoisonFreedMemory);
        fs.CreateDirectory(directory);
        var ballast = new Ballast(fs, directory, options.BallastBytes);
        if (fs.FreeBytes(directory) < options.ReservedSpaceBytes) ballast.Release();
        _tree = TableTree.Open(fs, directory, _cache, OnUnwantedTable, out var missing);
        foreach (var record in _tree.Partitions.Values) _partitions[record.Id.Value] = new PartitionStore(this, record, _tree.Current);
        _flush = new FlushWorker(this, _tree, scheduler, options.StepBytes);
        var picker = new CompactionPicker(options);
        var limiter = new RateLimiter(clock, options.CompactionBytesPerSecond);
        _compactions = [.. Enumerable.Range(0, options.CompactionLanes).Select(i => new CompactionWorker(this, _tree, picker, limiter, scheduler, $"compaction-{i}", options.StepBytes))];
        _space = new FreeSpace(fs, directory, options.ReservedSpaceBytes, ballast, scheduler, () => _flush.AwaitedBytes, OnSpaceLooked, Fail);
        _isOpen = true;
        ReportMissing(missing);
        OnTablesChanged();
    }

    /// <summary>In the order of their ids.</summary>
    public IReadOnlyCollection<PartitionStore> Partitions
    {
        get
        {
            var stores = new List<PartitionStore>();
            for (var id = 0; id < MaxPartitions; id++)
                if (Volatile.Read(ref _partitions[id]) is { } store) stores.Add(store);
            return stores;
        }
    }

    /// <summary>What the engine asks of the senders of writes. Cheap; any thread.</summary>
    public WritePressure Pressure
    {
        get
        {
            if (_space.IsShort) return WritePressure.DiskFull;
            return WriteController.Pressure(MemTables.Bytes, _tree.Level0Tables);
        }
    }

    /// <summary>Memory or level 0 is at its bound, whatever the space: nothing more should be brought here to be applied.</summary>
    public bool IsFull => WriteController.Pressure(MemTables.Bytes, _tree.Level0Tables) == WritePressure.Stall;

    /// <summary>While writes are refused for want of space: whether there is enough for deletions, which make some.</summary>
    public bool TakesDeletions => !IsFull && _space.Bytes > _options.ReservedSpaceBytes / 4;

    internal ChunkPool Chunks { get; }

    internal MemTableBudget MemTables { get; }

    internal WriteController WriteController { get; }

    internal StorageCounters Counters { get; } = new();

    internal bool HasFailed => Volatile.Read(ref _failure) is not null;

    /// <summary>The disk refused a write, and no space has come free since.</summary>
    internal bool LacksSpace => _space.IsShort;

    /// <summary>Writes are held up: compaction need not be considerate.</summary>
    internal bool IsBehind => _tree.Level0Tables >= 2 * _options.Level0CompactionTables;

    /// <summary>
    /// Announces a write, once; false if it should be refused, since so many are held up already. Any thread.
    /// </summary>
    /// <param name="pauseNs">For how many nanoseconds it should be held up, so that writes come at the speed of flush and compaction: at most a second.</param>
    public bool TryPaceWrite(long bytes, out long pauseNs) => WriteController.TryPace(bytes, MemTables.Bytes, _tree.Level0Tables, out pauseNs);

    /// <summary>Opens a data directory, creating it if it is new.</summary>
    /// <exception cref="DiskException">It cannot be read or written.</exception>
    /// <exception cref="CorruptionException">What names the tables is damaged. (Damaged tables do not keep the engine from opening.)</exception>
    public static StorageEngine Open(
        IFileSystem fs, string directory, StorageOptions options, IScheduler scheduler, IClock clock, IStorageListener listener) =>
        new(fs, directory, options, scheduler, clock, listener);

    /// <summary>Begins a partition with nothing in it; durable when the call returns.</summary>
    public PartitionStore CreatePartition(PartitionId id, ReadOnlySpan<byte> configuration)
    {
        var record = new PartitionRecord(id, _tree.NewGeneration(), default, LogIndex.Zero, configuration.ToArray());
        var edit = new VersionEdit();
        edit.Partitions.Add(record);
        PartitionStore? store = null;
        lock (_tree.Lock)
        {
            Invariant.Check(id.Value < MaxPartitions && _partitions[id.Value] is null);
            Commit(edit, tables =>
            {
                store = new PartitionStore(this, record, tables);
                Volatile.Write(ref _partitions[id.Value], store);
            });
        }

        return store!;
    }

    /// <summary>The partition, or null if it is not here.</summary>
    public PartitionStore? Find(PartitionId id) => id.Value < MaxPartitions ? Volatile.Read(ref _partitions[id.Value]) : null;

    /// <summary>Forgets a partition, durably; its records are removed by later compactions. Nobody may write to it any more.</summary>
    public void DropPartition(PartitionId id)
    {
        var edit = new VersionEdit();
        edit.Dropped.Add(id);
        lock (_tree.Lock)
        {
            if (Find(id) is not { } store) return;
            Commit(edit, _ =>
            {
                Volatile.Write(ref _partitions[id.Value], null);
                store.Close();
                _tree.NoteDead(id);
            });
        }

        OnTablesChanged();
    }

    /// <summary>Announces a write that comes from elsewhere and cannot be held up: those that can wait for it. Any thread.</summary>
    public void ChargeWrite(long bytes) => WriteController.Charge(bytes, MemTables.Bytes, _tree.Level0Tables);

    /// <summary>Asks for memtables to be written to tables soon: one partition's, or (null) all. Any thread; does not wait.</summary>
    public void RequestFlush(PartitionId? partition = null) => _flush.Request(partition);

    /// <summary>Writes everything that is applied to tables, on this thread, and returns when it is durable.</summary>
    /// <exception cref="DiskException">It could not be made durable.</exception>
    public void FlushAll() => _flush.FlushNow();

    /// <summary>Figures for metrics. Any thread.</summary>
    public StorageStatistics ReadStatistics()
    {
        LevelStatistics[] levels;
        lock (_tree.Lock)
        {
            var version = _tree.Current;
            levels = [.. Enumerable.Range(0, TableVersion.LevelCount).Select(level => new LevelStatistics(version.Level(level).Length, version.LevelBytes(level)))];
        }

        return new StorageStatistics(
            MemTables.Bytes, Chunks.UsedBytes, Chunks.FreeBytes, _cache.UsedBytes, _cache.Hits, _cache.Misses,
            levels, Counters.Flushes, Counters.FlushedBytes, Counters.Compactions, Counters.CompactedBytes, Counters.Corruptions,
            _space.Bytes, Pressure);
    }

    /// <summary>Ends the lanes. What was applied and not flushed is left to the log. Nobody may use the engine any more, except to end reads.</summary>
    public void Dispose()
    {
        if (!_isOpen) return;
        _isOpen = false;
        _space.Dispose();
        foreach (var worker in _compactions) worker.Close();
        _flush.Close();
        foreach (var store in Partitions) store.Close();
        _tree.Dispose();
        _cache.Dispose();
        Chunks.Dispose();
    }

    /// <summary>A flush is one table whatever its size: tables in level 0 are counted, and each is looked into by every read.</summary>
    internal TableSequence NewTables(bool forLevel0) =>
        forLevel0
            ? new(_fs, _tree.Directory, _tree.NewFileNumber, long.MaxValue, long.MaxValue)
            : new(_fs, _tree.Directory, _tree.NewFileNumber, _options.TableBytes, _options.TableRecords);

    internal Generation NewGeneration() => _tree.NewGeneration();

    /// <summary>Gives every partition a View on the new tables. Under the tree's lock.</summary>
    internal void UseTables(TableVersion tables)
    {
        foreach (var store in Partitions) store.UseTables(tables);
    }

    /// <summary>As <see cref="UseTables(TableVersion)"/>, after a flush of these parts.</summary>
    internal void UseTables(TableVersion tables, IReadOnlyList<FrozenPart> flushed)
    {
        var parts = flushed.ToDictionary(part => part.Store.Id);
        foreach (var store in Partitions) store.UseTables(tables, parts.GetValueOrDefault(store.Id));
    }

    internal void OnFlushed(IReadOnlyList<FrozenPart> flushed)
    {
        foreach (var part in flushed) _listener.OnFlushed(part.Store.Id, part.State);
        OnTablesChanged();
    }

    /// <summary>Puts an ingested snapshot in the place of a partition's data.</summary>
    internal void Install(PartitionStore store, PartitionRecord record, IReadOnlyList<TableInfo> tables)
    {
        lock (_tree.Lock)
        {
            Invariant.Check(Find(record.Id) == store);
            var edit = new VersionEdit();
            var level = tables.Count == 0 ? 0 : _tree.DeepestFreeLevel(tables[0].Smallest, tables[^1].Largest);
            foreach (var table in tables) edit.Added.Add((level, table));
            edit.Partitions.Add(record);
            Commit(edit, version =>
            {
                store.Install(record, version);
                _tree.NoteDead(record.Id);
                UseTables(version);
            });
        }

        _listener.OnFlushed(record.Id, record.Applied);
        OnTablesChanged();
    }

    internal void OnTablesChanged()
    {
        WriteController.OnLevel0(_tree.Level0Tables);
        foreach (var worker in _compactions) worker.Wake();
    }

    /// <summary>A damaged table was met in the background.</summary>
    internal void OnCorruption(CorruptionException e, PartitionId? partition)
    {
        Counters.AddCorruption();
        _listener.OnCorruption(e, partition);
    }

    /// <summary>Nothing can be made durable any more.</summary>
    internal void Fail(Exception e)
    {
        if (Interlocked.CompareExchange(ref _failure, e, null) is null) _listener.OnFailed(e);
    }

    internal void ThrowIfFailed()
    {
        if (Volatile.Read(ref _failure) is { } e) throw new InvalidOperationException($"the storage engine has failed: {e.Message}", e);
    }

    /// <summary>The disk refused a table; true if it is worth another try at once.</summary>
    internal bool OnSpaceLacking() => _space.OnRefused();

    /// <summary>Each second while space is short, and once when it no longer is: what is given up by one may be enough for another.</summary>
    private void OnSpaceLooked()
    {
        _flush.TryAgain(_space.Bytes);
        foreach (var worker in _compactions) worker.TryAgain();
    }

    private void OnUnwantedTable()
    {
        if (_isOpen) _flush.Wake();
    }

    /// <summary>Makes an edit durable. If that fails the engine has failed, whatever the reason: what the disk holds is not known.</summary>
    internal void Commit(VersionEdit edit, Action<TableVersion> publish)
    {
        try
        {
            _tree.Commit(edit, publish);
        }
        catch (DiskException e)
        {
            Fail(e);
            throw;
        }
    }

    private void ReportMissing(IReadOnlyList<TableInfo> missing)
    {
        foreach (var table in missing)
        {
            var error = new CorruptionException(Path.Combine(_tree.Directory, TableFormat.FileName(table.FileNumber)), 0, "the table is missing");
            var (first, last) = (StorageKey.PartitionOf(table.Smallest), StorageKey.PartitionOf(table.Largest));
            foreach (var store in Partitions.Where(store => store.Id.CompareTo(first) >= 0 && store.Id.CompareTo(last) <= 0)) OnCorruption(error, store.Id);
        }
    }
}

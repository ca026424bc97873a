namespace KvStore.Core.Storage.MemTable;

/// <summary>Bytes of memory that the memtables of all partitions have taken. Any thread.</summary>
internal sealed class MemTableBudget(long flushAtBytes, Action onFull)
{
    private long _activeBytes;
    private long _frozenBytes;

    /// <summary>In memtables that are written to, and in those that wait for a flush or are being flushed.</summary>
    public long Bytes => Volatile.Read(ref _activeBytes) + Volatile.Read(ref _frozenBytes);

    public void OnGrown(long bytes)
    {
        if (Interlocked.Add(ref _activeBytes, bytes) >= flushAtBytes) onFull();
    }

    public void OnFrozen(long bytes)
    {
        Interlocked.Add(ref _activeBytes, -bytes);
        Interlocked.Add(ref _frozenBytes, bytes);
    }

    /// <summary>Frozen memtables are in tables now.</summary>
    public void OnFlushed(long bytes) => Interlocked.Add(ref _frozenBytes, -bytes);

    /// <summary>A partition's memtables were given up.</summary>
    public void OnDropped(long activeBytes, long frozenBytes)
    {
        Interlocked.Add(ref _activeBytes, -activeBytes);
        Interlocked.Add(ref _frozenBytes, -frozenBytes);
    }
}

namespace KvStore.Core.Storage;

/// <summary>Running totals, counted by any thread.</summary>
internal sealed class StorageCounters
{
    private long _flushes;
    private long _flushedBytes;
    private long _compactions;
    private long _compactedBytes;
    private long _corruptions;

    public long Flushes => Volatile.Read(ref _flushes);

    public long FlushedBytes => Volatile.Read(ref _flushedBytes);

    public long Compactions => Volatile.Read(ref _compactions);

    public long CompactedBytes => Volatile.Read(ref _compactedBytes);

    public long Corruptions => Volatile.Read(ref _corruptions);

    public void AddFlush(long bytes)
    {
        Interlocked.Increment(ref _flushes);
        Interlocked.Add(ref _flushedBytes, bytes);
    }

    public void AddCompaction() => Interlocked.Increment(ref _compactions);

    public void AddCompacted(long bytes) => Interlocked.Add(ref _compactedBytes, bytes);

    public void AddCorruption() => Interlocked.Increment(ref _corruptions);
}

using KvStore.Core.Primitives;
using KvStore.Core.Storage.Wal;

namespace KvStore.Bench.Micro;

/// <summary>Wakes the one thread that waits for its records to be durable.</summary>
internal sealed class DurableSignal : IWalListener, IDisposable
{
    private readonly AutoResetEvent _changed = new(false);
    private ulong _durable;
    private volatile Exception? _failure;

    /// <summary>Blocks until everything up to <paramref name="lsn"/> is durable; throws what stopped the log.</summary>
    public void WaitFor(Lsn lsn)
    {
        while (Volatile.Read(ref _durable) < lsn.Value)
        {
            if (_failure is { } failure)
                throw new WalFailedException(failure);
            _changed.WaitOne();
        }
    }

    public void OnDurable(Lsn through)
    {
        Volatile.Write(ref _durable, through.Value);
        _changed.Set();
    }

    public void OnFailed(Exception cause)
    {
        _failure = cause;
        _changed.Set();
    }

    public void OnSegmentRecycled(IReadOnlyDictionary<PartitionId, LogIndex> lastGone)
    {
    }

    public void OnSpaceWanted(IReadOnlyDictionary<PartitionId, LogIndex> lastEntries)
    {
    }

    public void OnSync(long durationNs, int records, int bytes)
    {
    }

    public void Dispose() => _changed.Dispose();
}

using KvStore.Core.Primitives;
using KvStore.Core.Storage.Wal;

namespace KvStore.Tests.Storage.Wal;

/// <summary>Remembers what the log told.</summary>
internal sealed class WalListenerLog : IWalListener
{
    private readonly Lock _lock = new();

    public Lsn Durable { get; private set; }

    public Exception? Failure { get; private set; }

    public int Failures { get; private set; }

    public int Syncs { get; private set; }

    public int LargestBatchRecords { get; private set; }

    public Dictionary<PartitionId, LogIndex> Recycled { get; } = [];

    public HashSet<PartitionId> PinnedBy { get; } = [];

    public void OnDurable(Lsn through)
    {
        lock (_lock)
        {
            if (through <= Durable) throw new InvalidOperationException($"durable {through} after {Durable}");
            Durable = through;
        }
    }

    public void OnFailed(Exception cause)
    {
        lock (_lock)
        {
            Failure = cause;
            Failures++;
        }
    }

    public void OnSegmentRecycled(IReadOnlyDictionary<PartitionId, LogIndex> lastGone)
    {
        lock (_lock)
            foreach (var (partition, index) in lastGone) Recycled[partition] = index;
    }

    public void OnSpaceWanted(IReadOnlyDictionary<PartitionId, LogIndex> lastEntries)
    {
        lock (_lock) PinnedBy.UnionWith(lastEntries.Keys);
    }

    public void OnSync(long durationNs, int records, int bytes)
    {
        lock (_lock)
        {
            Syncs++;
            LargestBatchRecords = Math.Max(LargestBatchRecords, records);
        }
    }
}

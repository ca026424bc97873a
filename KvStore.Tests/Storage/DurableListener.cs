using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Core.Storage.Wal;

namespace KvStore.Tests.Storage;

/// <summary>Carries the notices of engine and WAL to each other as a node does, and remembers what was promised.</summary>
internal sealed class DurableListener : IStorageListener, IWalListener
{
    public StorageEngine? Engine { get; set; }

    public WriteAheadLog? Log { get; set; }

    public Dictionary<PartitionId, AppliedState> Flushed { get; } = [];

    public Lsn Durable { get; private set; }

    public List<Exception> Failures { get; } = [];

    public void OnFlushed(PartitionId p, AppliedState durable)
    {
        Flushed[p] = durable;
        Log?.SetApplied(p, durable.Index);
    }

    public void OnFailed(Exception cause) => Failures.Add(cause);

    public void OnCorruption(CorruptionException e, PartitionId? p) => Failures.Add(e);

    public void OnDurable(Lsn through) => Durable = through;

    public void OnSegmentRecycled(IReadOnlyDictionary<PartitionId, LogIndex> lastGone)
    {
    }

    public void OnSpaceWanted(IReadOnlyDictionary<PartitionId, LogIndex> lastEntries) => Engine!.RequestFlush();

    public void OnSync(long durationNs, int records, int bytes)
    {
    }
}

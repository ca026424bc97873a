using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;

namespace KvStore.Tests.Storage;

/// <summary>Remembers what the engine reported.</summary>
internal sealed class RecordingListener : IStorageListener
{
    private readonly Lock _lock = new();

    public Dictionary<PartitionId, AppliedState> Flushed { get; } = [];

    public List<Exception> Failures { get; } = [];

    public List<(CorruptionException Error, PartitionId? Partition)> Corruptions { get; } = [];

    public void OnFlushed(PartitionId p, AppliedState durable)
    {
        lock (_lock) Flushed[p] = durable;
    }

    public void OnFailed(Exception cause)
    {
        lock (_lock) Failures.Add(cause);
    }

    public void OnCorruption(CorruptionException e, PartitionId? p)
    {
        lock (_lock) Corruptions.Add((e, p));
    }
}

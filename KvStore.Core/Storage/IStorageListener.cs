using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage;

/// <summary>What the engine reports. Called from its background lanes or from the thread whose call found the fact; implementations must not block.</summary>
public interface IStorageListener
{
    /// <summary>The manifest that says so is synced: entries of the partition up to <c>durable.Index</c> lie in tables, the log may let go of them.</summary>
    void OnFlushed(PartitionId p, AppliedState durable);

    /// <summary>A write or a sync failed: nothing can be made durable any more, the node must stop.</summary>
    void OnFailed(Exception cause);

    /// <summary>A table is damaged. <paramref name="p"/> is null if the partition is not known.</summary>
    void OnCorruption(CorruptionException e, PartitionId? p);
}

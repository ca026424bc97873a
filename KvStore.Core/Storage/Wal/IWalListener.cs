using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Wal;

/// <summary>
/// Hears from the log. Every method is called on one of the log's own lanes, must not block, must not throw,
/// and should post an event to whoever owns the matter.
/// </summary>
public interface IWalListener
{
    /// <summary>Everything up to <paramref name="through"/> survives a power cut. Strictly increasing.</summary>
    void OnDurable(Lsn through);

    /// <summary>A write or sync failed. Nothing becomes durable any more; the node must stop. Called once.</summary>
    void OnFailed(Exception cause);

    /// <summary>A segment has left the log: per partition, entries at or below the index can no longer be read.</summary>
    void OnSegmentRecycled(IReadOnlyDictionary<PartitionId, LogIndex> lastGone);

    /// <summary>
    /// The log is over its budget, and its oldest segment holds entries that are not in synced tables: for each partition the last of them. Said
    /// again whenever the log grows or a flush has ended.
    /// </summary>
    void OnSpaceWanted(IReadOnlyDictionary<PartitionId, LogIndex> lastEntries);

    /// <summary>One batch was written and synced. For metrics.</summary>
    void OnSync(long durationNs, int records, int bytes);
}

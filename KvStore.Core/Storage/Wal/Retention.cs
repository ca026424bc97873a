using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Wal;

/// <summary>What each partition still needs of the log. Set from any thread, asked on the writer's lane.</summary>
internal sealed class Retention
{
    private readonly Lock _lock = new();
    private readonly Dictionary<PartitionId, LogIndex> _applied = [];
    private readonly Dictionary<PartitionId, LogIndex> _wanted = [];

    /// <summary>Entries up to <paramref name="through"/> are in synced tables. Never lowers what was said before.</summary>
    public void SetApplied(PartitionId partition, LogIndex through)
    {
        lock (_lock)
            if (!_applied.TryGetValue(partition, out var known) || known < through) _applied[partition] = through;
    }

    /// <summary>Entries from <paramref name="from"/> on are to be kept although they are applied; null ends that.</summary>
    public void SetWanted(PartitionId partition, LogIndex? from)
    {
        lock (_lock)
        {
            if (from is { } index) _wanted[partition] = index;
            else _wanted.Remove(partition);
        }
    }

    /// <summary>The partition's log starts anew; indexes mean something else from now on.</summary>
    public void Forget(PartitionId partition)
    {
        lock (_lock)
        {
            _applied.Remove(partition);
            _wanted.Remove(partition);
        }
    }

    /// <summary>Whether the log must keep a segment.</summary>
    /// <param name="segment">The oldest.</param>
    /// <param name="keepsWanted">Whether entries that are kept for a follower alone count.</param>
    /// <param name="lastEntries">For each partition whose entries in it are not all in synced tables: the last of them.</param>
    public bool Needs(Segment segment, bool keepsWanted, out Dictionary<PartitionId, LogIndex> lastEntries)
    {
        lastEntries = [];
        var isNeeded = false;
        lock (_lock)
        {
            foreach (var (partition, use) in segment.Uses)
            {
                var isApplied = use.LastEntry == LogIndex.Zero || (_applied.TryGetValue(partition, out var applied) && use.LastEntry <= applied);
                if (!isApplied) lastEntries.Add(partition, use.LastEntry);
                isNeeded |= !isApplied || use.LastDetached > Lsn.Zero || (keepsWanted && _wanted.TryGetValue(partition, out var wanted) && use.LastEntry >= wanted);
            }
        }

        return isNeeded;
    }
}

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>
/// Every acknowledged strong write is in the final state of every replica, or a later one of its key is. An acknowledged fast write may be
/// missing only if a new leader's log has cut it: if its partition has had a new leader since.
/// </summary>
internal sealed class DurabilityCheck : IHistoryCheck
{
    public string Name => "durability";

    public IEnumerable<string> Check(ObservedHistory history)
    {
        foreach (var replica in history.Replicas)
        {
            foreach (var write in history.Writes.Where(w => w.IsApplied && w.Partition == replica.Partition))
            {
                if (IsKept(write, replica.Records.GetValueOrDefault(write.Key), out var found)) continue;
                if (write.IsStrong) yield return $"lost on n{replica.Node}, which has {found}: {write}";
                else if (replica.Applied.Term <= write.Version.Term) yield return $"lost on n{replica.Node} without a new leader, which has {found}: {write}";
            }
        }
    }

    /// <summary>
    /// The acknowledged fast writes that are known to be lost, at least so many: one of a later term is committed at their index or before, or
    /// the key shows nothing as new. A promise of a later step of the roadmap, so they are counted.
    /// </summary>
    public static int CountCutFastWrites(ObservedHistory history)
    {
        var newest = history.Replicas.GroupBy(replica => replica.Partition).ToDictionary(g => g.Key, g => g.MaxBy(replica => replica.Applied)!);
        var terms = history.CommittedVersions.GroupBy(c => c.Partition).ToDictionary(g => g.Key, g => new TermsByIndex(g.Select(c => c.Version)));
        return history.Writes.Count(w => w.IsApplied && !w.IsStrong && !history.IsCommitted(w)
            && ((terms.TryGetValue(w.Partition, out var known) && known.HighestThrough(w.Version.Index) > w.Version.Term)
                || (newest.TryGetValue(w.Partition, out var replica) && !IsKept(w, replica.Records.GetValueOrDefault(w.Key), out _))));
    }

    private static bool IsKept(ObservedWrite write, ReplicaRecord? record, out string found)
    {
        found = record is null ? "nothing" : record.IsTombstone ? $"a tombstone @{record.Version}" : $"{Shown.Value(record.Value)} @{record.Version}";
        if (record is null) return write.Value is null;
        if (record.Version != write.Version) return record.Version > write.Version;
        if (write.Value is null) return record.IsTombstone;

        // Compaction leaves an expired record without its value.
        return !record.IsTombstone && (record.Value == write.Value || (write.Expires && record.Value.Length == 0));
    }

    /// <summary>The highest term of a committed entry at an index or before.</summary>
    private sealed class TermsByIndex
    {
        private readonly ulong[] _indexes;
        private readonly ulong[] _terms;

        public TermsByIndex(IEnumerable<RecordVersion> committed)
        {
            var sorted = committed.OrderBy(version => version.Index).ToList();
            _indexes = [.. sorted.Select(version => version.Index)];
            _terms = [.. sorted.Select(version => version.Term)];
            for (var i = 1; i < _terms.Length; i++) _terms[i] = Math.Max(_terms[i], _terms[i - 1]);
        }

        public ulong HighestThrough(ulong index)
        {
            var (low, high) = (0, _indexes.Length);
            while (low < high)
            {
                var middle = (low + high) / 2;
                if (_indexes[middle] <= index) low = middle + 1;
                else high = middle;
            }

            return low == 0 ? 0 : _terms[low - 1];
        }
    }
}

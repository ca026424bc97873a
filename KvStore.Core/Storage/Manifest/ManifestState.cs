using KvStore.Core.Primitives;
using KvStore.Core.Storage.Table;

namespace KvStore.Core.Storage.Manifest;

/// <summary>The sum of all edits: which tables there are, in which level, and how far each partition is applied.</summary>
internal sealed class ManifestState
{
    private readonly SortedDictionary<ulong, (int Level, TableInfo Table)> _tables = [];
    private readonly SortedDictionary<PartitionId, PartitionRecord> _partitions = [];

    public IReadOnlyDictionary<ulong, (int Level, TableInfo Table)> Tables => _tables;

    public IReadOnlyDictionary<PartitionId, PartitionRecord> Partitions => _partitions;

    public ulong NextFileNumber { get; private set; } = 1;

    public Generation NextGeneration { get; private set; } = new(1);

    /// <exception cref="FormatException">The edit does not fit the state.</exception>
    public void Apply(VersionEdit edit)
    {
        NextFileNumber = edit.NextFileNumber ?? NextFileNumber;
        NextGeneration = edit.NextGeneration ?? NextGeneration;
        foreach (var number in edit.Removed)
            if (!_tables.Remove(number)) throw new FormatException($"an edit removes table {number}, which is not there");
        foreach (var (level, table) in edit.Added)
            if (!_tables.TryAdd(table.FileNumber, (level, table))) throw new FormatException($"an edit adds table {table.FileNumber}, which is there");
        foreach (var id in edit.Dropped) _partitions.Remove(id);
        foreach (var partition in edit.Partitions)
        {
            var configuration = partition.Configuration ?? _partitions.GetValueOrDefault(partition.Id)?.Configuration
                ?? throw new FormatException($"partition {partition.Id} has no configuration");
            _partitions[partition.Id] = partition with { Configuration = configuration };
        }
    }

    /// <summary>Judges the sum of what was read: only a state that an engine can have come to is one to open.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public void Check()
    {
        foreach (var (number, (level, table)) in _tables)
        {
            if (table.Smallest.Length <= StorageKey.PrefixBytes || table.Largest.Length <= StorageKey.PrefixBytes || Compare(table.Smallest, table.Largest) > 0)
                throw new FormatException($"table {number} has no range of keys");
            if (number is 0 or > long.MaxValue - 1 || level < 0) throw new FormatException($"table {number} in level {level}");
        }

        foreach (var level in _tables.Values.Where(entry => entry.Level > 0).GroupBy(entry => entry.Level, entry => entry.Table)) CheckApart(level);
        foreach (var partition in _partitions.Values)
        {
            if (partition.Id.Value >= StorageEngine.MaxPartitions) throw new FormatException($"there is no partition {partition.Id}");
            if (partition.Generation.CompareTo(NextGeneration) >= 0) throw new FormatException($"generation {partition.Generation} of partition {partition.Id} is still to be given");
        }
    }

    private static void CheckApart(IEnumerable<TableInfo> level)
    {
        TableInfo? before = null;
        foreach (var table in level.Order(Comparer<TableInfo>.Create((a, b) => Compare(a.Smallest, b.Smallest))))
        {
            if (before is not null && Compare(before.Largest, table.Smallest) >= 0) throw new FormatException($"table {table.FileNumber} overlaps table {before.FileNumber}");
            before = table;
        }
    }

    private static int Compare(byte[] a, byte[] b) => a.AsSpan().SequenceCompareTo(b);

    /// <summary>An edit that makes this state out of nothing.</summary>
    public VersionEdit AsEdit()
    {
        var edit = new VersionEdit { NextFileNumber = NextFileNumber, NextGeneration = NextGeneration };
        edit.Added.AddRange(_tables.Values);
        edit.Partitions.AddRange(_partitions.Values);
        return edit;
    }
}

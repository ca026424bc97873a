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

    /// <summary>An edit that makes this state out of nothing.</summary>
    public VersionEdit AsEdit()
    {
        var edit = new VersionEdit { NextFileNumber = NextFileNumber, NextGeneration = NextGeneration };
        edit.Added.AddRange(_tables.Values);
        edit.Partitions.AddRange(_partitions.Values);
        return edit;
    }
}

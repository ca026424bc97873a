using KvStore.Core.Storage.Table;

namespace KvStore.Core.Storage.Manifest;

/// <summary>One atomic change of the state that the manifest describes. What is null or empty stays as it is.</summary>
internal sealed class VersionEdit
{
    /// <summary>File numbers below it may be in use.</summary>
    public ulong? NextFileNumber { get; set; }

    /// <summary>Generations below it may have been used.</summary>
    public Generation? NextGeneration { get; set; }

    public List<(int Level, TableInfo Table)> Added { get; } = [];

    public List<ulong> Removed { get; } = [];

    public List<PartitionRecord> Partitions { get; } = [];

    public List<Primitives.PartitionId> Dropped { get; } = [];
}

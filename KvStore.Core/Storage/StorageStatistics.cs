namespace KvStore.Core.Storage;

/// <summary>The engine in figures, for metrics. Totals count since the engine was opened.</summary>
/// <param name="MemTableBytes">Memory of memtables, active and frozen.</param>
/// <param name="ArenaBytes">Memory of all arenas: memtables, overlays, and what readers still pin.</param>
/// <param name="FreeArenaBytes">Memory kept for the next arenas.</param>
/// <param name="CacheBytes">Memory of cached blocks.</param>
/// <param name="Levels">Tables and bytes of each level, from 0.</param>
/// <param name="FlushedBytes">Written to level 0.</param>
/// <param name="CompactedBytes">Written by compactions.</param>
/// <param name="FreeSpaceBytes">On the disk, when it was last looked at.</param>
public sealed record StorageStatistics(
    long MemTableBytes, long ArenaBytes, long FreeArenaBytes, long CacheBytes, long CacheHits, long CacheMisses,
    IReadOnlyList<LevelStatistics> Levels, long Flushes, long FlushedBytes, long Compactions, long CompactedBytes, long Corruptions,
    long FreeSpaceBytes, WritePressure Pressure);

/// <summary>One level of the tree.</summary>
public readonly record struct LevelStatistics(int Tables, long Bytes);

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
    long FreeSpaceBytes, WritePressure Pressure)
{
    /// <summary>Bytes written to tables for each byte flushed; 0 before the first flush. The log is not counted.</summary>
    public double WriteAmplification => FlushedBytes == 0 ? 0 : (double)(FlushedBytes + CompactedBytes) / FlushedBytes;

    /// <summary>The sorted runs that a read may have to look into: the tables of level 0 and the levels that hold something.</summary>
    public int ReadAmplification => Levels[0].Tables + Levels.Skip(1).Count(level => level.Tables > 0);

    /// <summary>Bytes of all levels over those of the deepest that holds something; 1 if there is nothing.</summary>
    public double SpaceAmplification => Levels.LastOrDefault(level => level.Tables > 0) is { Bytes: > 0 } deepest ? (double)Levels.Sum(level => level.Bytes) / deepest.Bytes : 1;
}

/// <summary>One level of the tree.</summary>
public readonly record struct LevelStatistics(int Tables, long Bytes);

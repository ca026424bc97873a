namespace KvStore.Core.Storage;

/// <summary>Budgets and sizes of a node's storage engine, in bytes unless the name says otherwise.</summary>
public sealed record StorageOptions
{
    /// <summary>When the memtables of all partitions have grown to this, they are frozen together and flushed. While that runs, as much again may be used.</summary>
    public long MemTableBytes { get; init; } = 32L << 20;

    /// <summary>Blocks of tables kept in memory, their indexes and filters included.</summary>
    public long BlockCacheBytes { get; init; } = 128L << 20;

    /// <summary>Below level 0 a table that has grown to this is ended and another begun.</summary>
    public long TableBytes { get; init; } = 32L << 20;

    /// <summary>Nor does such a table hold more records, so that its filter (ten bits for each) remains small beside the cache.</summary>
    public long TableRecords { get; init; } = 256 << 10;

    /// <summary>The level into which level 0 is merged holds about this much at most.</summary>
    public long BaseLevelBytes { get; init; } = 256L << 20;

    /// <summary>So many tables in level 0 are merged downwards; from three times the number on writes are slowed, at ten times stalled.</summary>
    public int Level0CompactionTables { get; init; } = 4;

    /// <summary>How many compactions may run at once.</summary>
    public int CompactionLanes { get; init; } = 2;

    /// <summary>Compaction writes no faster than this unless it is behind; 0 for no limit.</summary>
    public long CompactionBytesPerSecond { get; init; } = 200L << 20;

    /// <summary>Below this much free space writes are refused; compaction and deletion may use it up.</summary>
    public long ReservedSpaceBytes { get; init; } = 256L << 20;

    /// <summary>Space taken in advance and given up when the disk is full in spite of the reserve; 0 for none.</summary>
    public long BallastBytes { get; init; } = 64L << 20;

    /// <summary>A flush or a compaction goes about so far before others on its lane get their turn.</summary>
    internal long StepBytes { get; init; } = 1L << 20;

    /// <summary>Overwrite freed memory, so that a reader that outlived its pin is found out. For tests.</summary>
    internal bool PoisonFreedMemory { get; init; }
}

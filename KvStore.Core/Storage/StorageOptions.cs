namespace KvStore.Core.Storage;

/// <summary>Budgets and sizes of a node's storage engine, in bytes unless the name says otherwise.</summary>
public sealed class StorageOptions
{
    /// <summary>When the memtables of all partitions have grown to this, they are frozen together and flushed. While that runs, as much again may be used.</summary>
    public long MemTableBytes { get; init; } = 64L << 20;

    /// <summary>Blocks of tables kept in memory, their indexes and filters included.</summary>
    public long BlockCacheBytes { get; init; } = 128L << 20;

    /// <summary>Overwrite freed memory, so that a reader that outlived its pin is found out. For tests.</summary>
    internal bool PoisonFreedMemory { get; init; }
}

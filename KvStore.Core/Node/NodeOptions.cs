using KvStore.Core.Storage;

namespace KvStore.Core.Node;

/// <summary>What can be set about a node. Times in milliseconds, sizes in bytes.</summary>
public sealed record NodeOptions
{
    public static readonly NodeOptions Default = new();

    /// <summary>How often nodes tell each other that they live.</summary>
    public int HeartbeatMs { get; init; } = 100;

    /// <summary>A node that was not heard from for this long is dropped from the live ring.</summary>
    public int TimeoutMs { get; init; } = 1_000;

    /// <summary>Event loops; 0 = one per processor.</summary>
    public int Shards { get; init; }

    /// <summary>Memory for writes that are not yet in tables.</summary>
    public long MemTableBytes { get; init; } = 64L << 20;

    public long BlockCacheBytes { get; init; } = 128L << 20;

    /// <summary>The finer points of the storage engine. Its budgets and its reserve follow from the other options.</summary>
    public StorageOptions Storage { get; init; } = new();

    public int WalSegmentBytes { get; init; } = 64 << 20;

    /// <summary>Log kept for replicas that were away, over all partitions.</summary>
    public long WalRetentionBytes { get; init; } = 1L << 30;

    /// <summary>Entries of one partition that may wait for a majority; beyond, writes are refused as overloaded.</summary>
    public int MaxGroupUncommittedBytes { get; init; } = 16 << 20;

    /// <summary>The same over all partitions of the node.</summary>
    public long MaxNodeUncommittedBytes { get; init; } = 128L << 20;

    /// <summary>How far ahead a remote clock may be before its timestamps are refused.</summary>
    public int MaxClockSkewMs { get; init; } = 10_000;
}

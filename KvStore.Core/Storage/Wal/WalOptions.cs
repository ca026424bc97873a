namespace KvStore.Core.Storage.Wal;

public sealed class WalOptions
{
    /// <summary>Size of a segment file in bytes, a multiple of 4,096. A submission that does not fit one gets a larger segment of its own.</summary>
    public int SegmentBytes { get; init; } = 64 << 20;

    /// <summary>Segments are kept for followers that catch up until the log is larger than this, in bytes.</summary>
    public long RetentionBytes { get; init; } = 1L << 30;

    /// <summary>A gathering batch that would grow past this many bytes is closed; a single larger submission still goes as one batch.</summary>
    public int MaxBatchBytes { get; init; } = 1 << 20;

    /// <summary>How long the writer must have had nothing to do before it notes, without a sync, up to where the log is durable.</summary>
    public long IdleMarkDelayNs { get; init; } = 20_000_000;
}

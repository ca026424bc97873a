namespace KvStore.Protocol.Messages;

/// <summary>One record of a page.</summary>
/// <param name="Value">Empty when only keys were asked for.</param>
/// <param name="ExpiresAtMs">Milliseconds since the Unix epoch; null = never.</param>
public readonly record struct ScanRecord(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value, WireRevision Revision, ulong? ExpiresAtMs);

/// <summary>A node that answered for a number of partitions.</summary>
public readonly record struct ScanServer(ushort Node, ushort Partitions);

/// <summary>Records in key order and how they were read. Every partition's part is at one applied index; a page is no snapshot across partitions.</summary>
public sealed record ScanPage
{
    public required IReadOnlyList<ScanRecord> Records { get; init; }

    /// <summary>There may be more: ask again with <see cref="Cursor"/>.</summary>
    public bool More { get; init; }

    /// <summary>Empty unless there is more.</summary>
    public ReadOnlyMemory<byte> Cursor { get; init; }

    public ReadConsistency Achieved { get; init; } = ReadConsistency.Local;

    /// <summary>At least one partition was read from a replica cut off from its primary.</summary>
    public bool Detached { get; init; }

    /// <summary>The largest bound of the partitions read, in milliseconds; null = at least one has no bound.</summary>
    public ulong? StalenessMs { get; init; }

    /// <summary>Who answered for how many partitions.</summary>
    public IReadOnlyList<ScanServer> Served { get; init; } = [];
}

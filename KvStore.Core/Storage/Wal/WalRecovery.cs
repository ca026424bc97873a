using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Wal;

/// <summary>
/// The result of opening a log. <see cref="Log"/> is null when the log is damaged before its tail: then no file was touched,
/// what was replayed is void, and the node must not vote with it.
/// </summary>
public sealed record WalRecovery(WriteAheadLog? Log, WalRecoveryReport Report);

/// <summary>What recovery found.</summary>
public sealed record WalRecoveryReport
{
    /// <summary>There were no segments: a new log.</summary>
    public bool IsNew => SegmentsRead == 0;

    public required int SegmentsRead { get; init; }

    public required long BytesRead { get; init; }

    public required long RecordsRead { get; init; }

    /// <summary>The epoch of the newest segment read; the open log has a higher one.</summary>
    public required ulong Epoch { get; init; }

    /// <summary>The first LSN that the log still holds, unless it is above <see cref="LastLsn"/>.</summary>
    public required Lsn FirstLsn { get; init; }

    /// <summary>The last LSN of the recovered log.</summary>
    public required Lsn LastLsn { get; init; }

    /// <summary>Bytes behind the last whole batch that were not zero: the un-synced tail of a crash, which is cut.</summary>
    public required long TornBytes { get; init; }

    /// <summary>Null unless the log is damaged before its tail.</summary>
    public required WalDamage? Damage { get; init; }
}

/// <summary>Damage of records that were known to be durable: never cut, the replicas of this node must be rebuilt from others.</summary>
/// <param name="Path">The file.</param>
/// <param name="Offset">Where in the file the first damaged batch or header starts.</param>
/// <param name="From">The first LSN that cannot be read.</param>
/// <param name="KnownDurable">The highest LSN that a later part of the log says was durable.</param>
/// <param name="What">For the operator.</param>
public sealed record WalDamage(string Path, long Offset, Lsn From, Lsn KnownDurable, string What)
{
    public override string ToString() => $"{Path} at {Offset}: {What}; LSN {From} to at least {KnownDurable} were durable and cannot be read";
}

/// <summary>The files belong to another node or cluster, or were written by a newer release: nothing was touched.</summary>
public sealed class WalRefusedException(string message) : Exception(message);

/// <summary>The log has stopped after a failed write or sync; the inner exception is the cause.</summary>
public sealed class WalFailedException(Exception cause) : IOException($"the write-ahead log has failed: {cause.Message}", cause);

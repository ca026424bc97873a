using KvStore.Protocol.Messages;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>What one answered read said of one key: a get, or one key of a scan's range. Times are nanoseconds of the simulated world.</summary>
internal sealed record ObservedRead
{
    public required int Client { get; init; }

    public required string Key { get; init; }

    public required ushort Partition { get; init; }

    public ReadConsistency Consistency { get; init; } = ReadConsistency.Quorum;

    public ReadConsistency Achieved { get; init; } = ReadConsistency.Quorum;

    public required long InvokedNs { get; init; }

    public required long CompletedNs { get; init; }

    /// <summary>Null: there is no record.</summary>
    public string? Value { get; init; }

    /// <summary>Of the record; of an absent key that of its tombstone or expired record, or none.</summary>
    public WireRevision Revision { get; init; }

    /// <summary>Null: no bound.</summary>
    public ulong? StalenessMs { get; init; }

    /// <summary>The answer must not be older; none if that was not asked.</summary>
    public WireRevision AtLeast { get; init; }

    /// <summary>The partition that the answer names; null if it does not say.</summary>
    public ushort? NamedPartition { get; init; }

    /// <summary>The node that answered; 0 if the answer does not say which it was for this key.</summary>
    public ushort ServedBy { get; init; }

    /// <summary>Part of a page, which does not tell of tombstones.</summary>
    public bool IsScan { get; init; }

    public bool IsQuorum => Consistency == ReadConsistency.Quorum;

    public RecordVersion Version => RecordVersion.Of(Revision);

    public override string ToString()
    {
        var server = ServedBy == 0 ? "" : $" by n{ServedBy}";
        var bound = IsQuorum ? "" : StalenessMs is { } ms ? $", at most {ms} ms old" : ", without a bound";
        var least = AtLeast.IsNone ? "" : $" at least {AtLeast.VersionText}";
        return $"client {Client}: {Consistency.Name()} {(IsScan ? "scan" : "get")}{least} of {Key} (partition {Partition}) -> {(Value is null ? "absent" : Shown.Value(Value))} @{Revision.VersionText}{server}{bound} {Shown.Span(InvokedNs, CompletedNs)}";
    }
}

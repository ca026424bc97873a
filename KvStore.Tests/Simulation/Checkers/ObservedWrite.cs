using KvStore.Protocol.Messages;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>One write of one key, as its client saw it. Times are nanoseconds of the simulated world.</summary>
internal sealed record ObservedWrite
{
    public required int Client { get; init; }

    public required string Key { get; init; }

    public required ushort Partition { get; init; }

    /// <summary>What a put wrote, different for every put of the history; null for a delete.</summary>
    public string? Value { get; init; }

    public WriteMode Mode { get; init; } = WriteMode.Strong;

    public WriteCondition Condition { get; init; }

    /// <summary>Time to live in milliseconds; 0: for ever.</summary>
    public ulong TtlMs { get; init; }

    /// <summary>The record has a time to live.</summary>
    public bool Expires => TtlMs != 0;

    /// <summary>Which batch it belongs to; of its writes to one partition all take effect or none.</summary>
    public string? Batch { get; init; }

    public required long InvokedNs { get; init; }

    /// <summary>long.MaxValue: no answer came.</summary>
    public long CompletedNs { get; init; } = long.MaxValue;

    /// <summary><see cref="Outcome.Unknown"/> as well when no answer came.</summary>
    public required Outcome Outcome { get; init; }

    public KvError Error { get; init; }

    /// <summary>Given to the record; of a failed condition what it met; none where the answer did not say.</summary>
    public WireRevision Revision { get; init; }

    /// <summary>A delete found a record.</summary>
    public bool Existed { get; init; }

    public WriteMode Achieved { get; init; } = WriteMode.Strong;

    /// <summary>The node that sequenced it.</summary>
    public ushort Primary { get; init; }

    /// <summary>Who held it durably when it was acknowledged.</summary>
    public IReadOnlyList<ushort> AckedBy { get; init; } = [];

    public bool IsAnswered => CompletedNs != long.MaxValue;

    public bool IsApplied => Outcome == Outcome.Applied;

    public bool IsStrong => Mode == WriteMode.Strong;

    public RecordVersion Version => RecordVersion.Of(Revision);

    public override string ToString()
    {
        var what = Value is null ? "delete" : $"put {Shown.Value(Value)}";
        var condition = Condition.Kind switch
        {
            ConditionKind.None => "",
            ConditionKind.IfAbsent => " if absent",
            _ => $" if {Condition.Revision.VersionText}",
        };
        var end = Outcome switch
        {
            Outcome.Applied => $"{Revision} acked by {string.Join(',', AckedBy)}",
            _ => $"{Error.Name()} {Outcome.Name()}",
        };
        return $"client {Client}: {Mode.Name()} {what}{condition} of {Key} (partition {Partition}) -> {end} {Shown.Span(InvokedNs, CompletedNs)}";
    }
}

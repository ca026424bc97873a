using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Messages;

/// <summary>When a write is acknowledged.</summary>
public enum WriteMode : byte
{
    /// <summary>When the primary's log holds it durably.</summary>
    Fast = 1,

    /// <summary>When a majority holds it durably and the primary has applied it.</summary>
    Strong = 2,
}

/// <summary>What a read reflects.</summary>
public enum ReadConsistency : byte
{
    /// <summary>The state of the replica that answers; possibly stale, by a stated bound.</summary>
    Local = 1,

    /// <summary>Linearizable.</summary>
    Quorum = 2,
}

/// <summary>What is known of a write's effect.</summary>
public enum Outcome : byte
{
    /// <summary>Says nothing of a write: an error of a read.</summary>
    None = 0,
    Applied = 1,

    /// <summary>It has no effect now and never will.</summary>
    NotApplied = 2,

    /// <summary>It may have an effect, now or later.</summary>
    Unknown = 3,
}

/// <summary>The names by which these values are shown, and their checks on receipt.</summary>
public static class ConsistencyNames
{
    public static string Name(this WriteMode mode) => mode == WriteMode.Strong ? "strong" : "fast";

    public static string Name(this ReadConsistency consistency) => consistency == ReadConsistency.Quorum ? "quorum" : "local";

    public static string Name(this Outcome outcome) => outcome switch
    {
        Outcome.Applied => "applied",
        Outcome.NotApplied => "not_applied",
        Outcome.Unknown => "unknown",
        _ => "none",
    };

    internal static WriteMode ReadWriteMode(this ref WireReader reader) => reader.ReadUInt8() switch
    {
        1 => WriteMode.Fast,
        2 => WriteMode.Strong,
        var other => throw new WireException(WireError.Malformed, $"{other} is no write mode"),
    };

    internal static ReadConsistency ReadReadConsistency(this ref WireReader reader) => reader.ReadUInt8() switch
    {
        1 => ReadConsistency.Local,
        2 => ReadConsistency.Quorum,
        var other => throw new WireException(WireError.Malformed, $"{other} is no read consistency"),
    };

    internal static Outcome ReadOutcome(this ref WireReader reader)
    {
        var value = reader.ReadUInt8();
        return value <= (byte)Outcome.Unknown ? (Outcome)value : throw new WireException(WireError.Malformed, $"{value} is no outcome");
    }
}

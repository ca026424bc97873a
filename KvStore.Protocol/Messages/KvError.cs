namespace KvStore.Protocol.Messages;

/// <summary>
/// Why a request failed. The numbers are the protocol's and never change meaning; a receiver that meets an unknown one treats it as
/// <see cref="Internal"/> and goes by the reply's outcome and retryable flag. From 0x1000 on: found by the client itself, never sent.
/// </summary>
public enum KvError : ushort
{
    None = 0,
    Internal = 1,
    InvalidRequest = 2,
    UnsupportedVersion = 3,
    WrongCluster = 4,
    NotInitialized = 5,
    TooLarge = 6,
    Overloaded = 7,
    DeadlineExceeded = 8,
    ShuttingDown = 9,

    /// <summary>The node asked is not the partition's primary and did not pass the request on.</summary>
    NotLeader = 10,
    NoQuorum = 11,

    /// <summary>No replica that could answer is reachable.</summary>
    Unavailable = 12,
    DiskFull = 13,
    ConditionFailed = 14,
    NotFound = 15,

    /// <summary>The idempotency id belongs to another request.</summary>
    IdReused = 16,
    ClockSkew = 17,
    Unauthorized = 18,

    /// <summary>The cluster exists already, or its formation was begun with other parameters.</summary>
    AlreadyInitialized = 19,

    /// <summary>The client reached no node; nothing was sent.</summary>
    Unreachable = 0x1000,

    /// <summary>The connection broke after the request had been handed to it.</summary>
    ConnectionLost = 0x1001,

    /// <summary>The caller gave up.</summary>
    Cancelled = 0x1002,

    /// <summary>The server's bytes do not follow the protocol.</summary>
    ProtocolViolation = 0x1003,
}

/// <summary>The names by which errors are shown: snake_case, never changed.</summary>
public static class KvErrorNames
{
    public static string Name(this KvError error) => error switch
    {
        KvError.None => "none",
        KvError.InvalidRequest => "invalid_request",
        KvError.UnsupportedVersion => "unsupported_version",
        KvError.WrongCluster => "wrong_cluster",
        KvError.NotInitialized => "not_initialized",
        KvError.TooLarge => "too_large",
        KvError.Overloaded => "overloaded",
        KvError.DeadlineExceeded => "deadline_exceeded",
        KvError.ShuttingDown => "shutting_down",
        KvError.NotLeader => "not_leader",
        KvError.NoQuorum => "no_quorum",
        KvError.Unavailable => "unavailable",
        KvError.DiskFull => "disk_full",
        KvError.ConditionFailed => "condition_failed",
        KvError.NotFound => "not_found",
        KvError.IdReused => "id_reused",
        KvError.ClockSkew => "clock_skew",
        KvError.Unauthorized => "unauthorized",
        KvError.AlreadyInitialized => "already_initialized",
        KvError.Unreachable => "unreachable",
        KvError.ConnectionLost => "connection_lost",
        KvError.Cancelled => "cancelled",
        KvError.ProtocolViolation => "protocol_violation",
        _ => "internal",
    };
}

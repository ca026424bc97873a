namespace KvStore.Daemon.Diagnostics;

/// <summary>Label `op` of the request metrics.</summary>
public enum RequestOperation
{
    Put,
    Delete,
    Batch,
    Get,
    MultiGet,
    Scan,
}

/// <summary>Label `mode`: the consistency that was asked for.</summary>
public enum RequestMode
{
    Fast,
    Strong,
    Local,
    Quorum,
}

/// <summary>Label `result`. For writes it follows the outcome that was reported, not the name of the error.</summary>
public enum RequestResult
{
    Ok,

    /// <summary>Answered: there is no such key.</summary>
    NotFound,

    /// <summary>Answered: the condition of a compare-and-set does not hold.</summary>
    ConditionFailed,

    /// <summary>A write that was definitely not applied, or a read that was not answered.</summary>
    Refused,

    /// <summary>A write whose outcome is unknown.</summary>
    Unknown,
}

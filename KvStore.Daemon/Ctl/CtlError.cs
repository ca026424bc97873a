using KvStore.Protocol.Client;
using KvStore.Protocol.Messages;

namespace KvStore.Daemon.Ctl;

/// <summary>Why a request, or its part for one key, failed: what is printed of it, and the exit status it means.</summary>
internal sealed record CtlError(KvError Code, string Message, Outcome Outcome)
{
    public bool Retryable { get; init; }

    public string Advice { get; init; } = "";

    public IReadOnlyList<MissingNode> Missing { get; init; } = [];

    /// <summary>With a failed condition: what the record is; none = there is no record; null = not told.</summary>
    public WireRevision? Current { get; init; }

    public static CtlError Of(KvException e) => new(e.Code, e.Message, e.Outcome)
    {
        Retryable = e.Retryable || e.Code == KvError.Unreachable,
        Advice = e.Advice.Length > 0 ? e.Advice : AdviceFor(e.Code, e.Outcome),
        Missing = e.Missing,
        Current = e.CurrentRevision,
    };

    /// <summary>The error of one key of a multi-get.</summary>
    public static CtlError Of(in ReadResult result) => new(result.Error, result.ErrorMessage, Outcome.None)
    {
        Retryable = IsTransient(result.Error),
        Advice = AdviceFor(result.Error, Outcome.None),
    };

    /// <summary>The exit status. The outcome decides before the error's name does.</summary>
    public int ExitCode => Code switch
    {
        KvError.Cancelled => Ctl.ExitCode.Interrupted,
        _ when Outcome == Outcome.Unknown => Ctl.ExitCode.OutcomeUnknown,
        KvError.Unauthorized => Ctl.ExitCode.Unauthorized,
        KvError.ConditionFailed => Ctl.ExitCode.ConditionFailed,
        KvError.Unreachable => Ctl.ExitCode.Unreachable,
        _ when Outcome == Outcome.NotApplied => Ctl.ExitCode.Refused,
        KvError.NotFound => Ctl.ExitCode.NotFound,
        KvError.Internal or KvError.ConnectionLost or KvError.ProtocolViolation => Ctl.ExitCode.Unclassified,
        _ => Ctl.ExitCode.Refused,
    };

    private static bool IsTransient(KvError code) =>
        code is KvError.NoQuorum or KvError.Unavailable or KvError.Overloaded or KvError.DeadlineExceeded
            or KvError.NotLeader or KvError.ShuttingDown or KvError.ConnectionLost;

    // What to do, where the server did not say.
    private static string AdviceFor(KvError code, Outcome outcome) => code switch
    {
        _ when outcome == Outcome.Unknown => "the write may still take effect: read the key with 'kvctl get --quorum' before repeating it",
        KvError.NoQuorum => "two of the key's three replicas must be up ('kvctl cluster status'); local reads go on",
        KvError.Unavailable => "see which nodes are down with 'kvctl cluster status'",
        KvError.NotInitialized => "form the cluster with 'kvctl cluster init --nodes A,B,C'",
        KvError.Unreachable => "check --endpoints, and that kvd runs there",
        KvError.DiskFull => "free space on the node; writes resume by themselves",
        KvError.Overloaded => "send less at once, or try again later",
        KvError.DeadlineExceeded => "try again, or allow more time with --timeout",
        _ => "",
    };
}

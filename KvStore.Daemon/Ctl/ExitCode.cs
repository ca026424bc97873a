namespace KvStore.Daemon.Ctl;

/// <summary>What kvctl's exit status says. Scripts depend on the numbers: they are added to, never changed.</summary>
internal static class ExitCode
{
    /// <summary>Done at the requested level.</summary>
    public const int Done = 0;

    public const int Unclassified = 1;

    /// <summary>The command line is wrong; nothing was sent.</summary>
    public const int Usage = 2;

    public const int NotFound = 3;

    public const int ConditionFailed = 4;

    /// <summary>Refused, and definitely without effect.</summary>
    public const int Refused = 5;

    /// <summary>A write whose outcome is not known: it may still take effect.</summary>
    public const int OutcomeUnknown = 6;

    /// <summary>Authentication, authorisation or TLS.</summary>
    public const int Unauthorized = 7;

    /// <summary>No node could be reached and nothing was sent.</summary>
    public const int Unreachable = 8;

    /// <summary>Several results that differ, or some nodes did not answer.</summary>
    public const int Partial = 10;

    public const int Interrupted = 130;

    /// <summary>The status of a command with several results, given the combined status so far and the next one: their common status, else <see cref="Partial"/>.</summary>
    public static int Combine(int? soFar, int next) => soFar is null || soFar == next ? next : Partial;
}

using KvStore.Protocol.Messages;

namespace KvStore.Protocol.Client;

/// <summary>
/// Whether a failed attempt may be followed by another. The rule: a write is tried again only when no byte of the attempt left this process, or
/// the server refused it before it had any effect; all else might apply it twice. A read has no effect and may always be tried again.
/// </summary>
internal struct RetryPolicy(bool isWrite)
{
    // A node that sees no quorum may be the one that is cut off: two others are asked before it is believed.
    private const int SecondOpinions = 2;
    private const int FirstPauseMs = 4;
    private const int LongestPauseMs = 200;

    private int _pauses;
    private int _opinions;

    public int Attempts { get; private set; }

    /// <summary>Decides about one failed attempt.</summary>
    /// <param name="pauseMs">How long to wait before the next one.</param>
    public bool MayRetry<T>(in Reply<T> reply, out int pauseMs)
    {
        Attempts++;
        pauseMs = 0;
        if (reply.Error is { } error) return MayRetryRefused(error, out pauseMs);
        // A node that is full or stopping refuses the handshake already.
        var elsewhere = reply.Failure is KvError.Unreachable or KvError.ConnectionLost or KvError.Overloaded or KvError.ShuttingDown;
        if (!elsewhere || (isWrite && reply.Sent)) return false;
        pauseMs = NextPauseMs();
        return true;
    }

    /// <summary>What is known of the effect after an attempt that is not followed by another; all before it had none.</summary>
    public readonly Outcome OutcomeOf<T>(in Reply<T> last)
    {
        if (!isWrite) return Outcome.None;
        if (last.Error is { } error) return error.Outcome == Outcome.NotApplied ? Outcome.NotApplied : Outcome.Unknown;
        return last.Sent ? Outcome.Unknown : Outcome.NotApplied;
    }

    private bool MayRetryRefused(ErrorReply error, out int pauseMs)
    {
        pauseMs = 0;
        if (isWrite && error.Outcome != Outcome.NotApplied) return false;
        switch (error.Code)
        {
            case KvError.NotLeader or KvError.ShuttingDown or KvError.Overloaded:
                pauseMs = NextPauseMs();
                return true;
            case KvError.Unavailable or KvError.NoQuorum when error.Retryable && _opinions < SecondOpinions:
                _opinions++;
                pauseMs = NextPauseMs();
                return true;
            default:
                return false;
        }
    }

    private int NextPauseMs()
    {
        var pauseMs = Math.Min(LongestPauseMs, FirstPauseMs << Math.Min(_pauses++, 8));
        return Random.Shared.Next(pauseMs / 2, pauseMs + 1);
    }
}

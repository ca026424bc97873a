namespace KvStore.Core.Raft;

/// <summary>
/// When to give up waiting for an answer. Sending happens without a clock reading, so the first deadline is an estimate from the last
/// time seen; the first tick makes it exact before it can expire.
/// </summary>
internal struct RetransmitTimer()
{
    private bool _exact;

    /// <summary>long.MaxValue while nothing is waited for.</summary>
    public long AtMs { get; private set; } = long.MaxValue;

    /// <summary>Starts waiting, unless it does already.</summary>
    public void Start(long lastSeenMs, int intervalMs)
    {
        if (AtMs != long.MaxValue) return;
        AtMs = lastSeenMs + intervalMs;
        _exact = false;
    }

    public void Restart(long nowMs, int intervalMs)
    {
        AtMs = nowMs + intervalMs;
        _exact = true;
    }

    public void Stop() => AtMs = long.MaxValue;

    /// <summary>Whether the time is over at <paramref name="nowMs"/>.</summary>
    public bool HasExpired(long nowMs, int intervalMs)
    {
        if (AtMs == long.MaxValue) return false;
        if (!_exact) Restart(nowMs, intervalMs);
        return nowMs >= AtMs;
    }
}

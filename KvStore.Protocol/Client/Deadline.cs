namespace KvStore.Protocol.Client;

/// <summary>A point in the process's monotonic time.</summary>
internal readonly record struct Deadline(long TickMs)
{
    private const int MaxMs = 24 * 3600 * 1000;

    // The server gives up a little earlier than the client, so that its truthful verdict still arrives.
    private const int ServerMarginMs = 100;

    public static long NowMs => Environment.TickCount64;

    public int RemainingMs => (int)Math.Clamp(TickMs - NowMs, 0, MaxMs);

    public bool IsOver => TickMs <= NowMs;

    /// <summary>What to tell the server: the remaining time less a tenth, at most 100 ms, for the way back; at least 1.</summary>
    public uint ForServerMs
    {
        get
        {
            var remaining = RemainingMs;
            return (uint)Math.Max(1, remaining - Math.Min(remaining / 10, ServerMarginMs));
        }
    }

    public static Deadline After(TimeSpan time) => new(NowMs + (long)Math.Clamp(time.TotalMilliseconds, 1, MaxMs));
}

using KvStore.Core.Io;

namespace KvStore.Core.Storage.Compaction;

/// <summary>
/// Spreads background writes over time, so that they leave the disk to the log: a token bucket of a quarter of a second. Any thread.
/// </summary>
/// <param name="bytesPerSecond">0 for no limit.</param>
internal sealed class RateLimiter(IClock clock, long bytesPerSecond)
{
    private const long NsPerSecond = 1_000_000_000;
    private const long BurstNs = NsPerSecond / 4;

    private readonly Lock _lock = new();

    // When everything charged so far will have been paid for.
    private long _paidAtNs;

    /// <summary>Charges for bytes written; returns for how many nanoseconds the writer should pause.</summary>
    public long Charge(long bytes)
    {
        if (bytesPerSecond == 0) return 0;
        var now = clock.BootTimeNs;
        lock (_lock)
        {
            _paidAtNs = Math.Max(_paidAtNs, now - BurstNs) + (long)((double)bytes / bytesPerSecond * NsPerSecond);
            return Math.Max(0, _paidAtNs - now);
        }
    }
}

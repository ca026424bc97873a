using KvStore.Core.Io;

namespace KvStore.Core.Storage.Compaction;

/// <summary>
/// Says for how long a writer should pause so that writes come no faster than compaction empties level 0 (the idea: RocksDB's write
/// controller). The allowed rate follows the rate measured last, and falls as level 0 comes closer to the stall. Any thread.
/// </summary>
internal sealed class WriteController(IClock clock)
{
    private const long NsPerSecond = 1_000_000_000;
    private const double FirstRate = 64 << 20;
    private const double LeastRate = 1 << 20;
    private const long LongestPauseNs = 100_000_000;

    private readonly Lock _lock = new();
    private double _drainedPerSecond = FirstRate;
    private long _paidAtNs;

    /// <summary>A compaction has taken so much out of level 0.</summary>
    public void OnDrained(long bytes, long durationNs)
    {
        if (durationNs <= 0) return;
        lock (_lock) _drainedPerSecond = Math.Max(LeastRate, (_drainedPerSecond + ((double)bytes / durationNs * NsPerSecond)) / 2);
    }

    /// <param name="bytes">Of the write.</param>
    /// <param name="closeness">How far the engine is on the way from the first slowing to the stall, 0 to 1.</param>
    /// <returns>Nanoseconds, at most a tenth of a second.</returns>
    public long PauseNs(long bytes, double closeness)
    {
        var now = clock.BootTimeNs;
        lock (_lock)
        {
            // Somewhat faster than level 0 is emptied at first, much slower near the stall: in between they meet.
            var rate = Math.Max(LeastRate, _drainedPerSecond * (1.5 - (1.3 * closeness)));
            _paidAtNs = Math.Max(_paidAtNs, now) + (long)(bytes / rate * NsPerSecond);
            return Math.Min(LongestPauseNs, _paidAtNs - now);
        }
    }
}

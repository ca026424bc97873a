using KvStore.Core.Io;

namespace KvStore.Core.Storage.Compaction;

/// <summary>
/// Paces writes so that they are taken at the speed of flush and compaction before memory or level 0 comes to its bound: many short pauses
/// instead of one long one. Any thread.
/// </summary>
/// <remarks>
/// While a flush runs, what is left of the memory is spread over the time it still needs. Level 0 is a queue before compaction: the more of
/// it, the slower the writes, around the rate at which it was emptied lately (the time spent on deeper levels included), so that both meet.
/// </remarks>
internal sealed class WriteController(IClock clock, StorageOptions options)
{
    private const double NsPerSecond = 1e9;
    private const double FirstRate = 64 << 20;
    private const double LeastRate = 1 << 20;
    private const long LongestPauseNs = 1_000_000_000;

    /// <summary>A large value at a low rate.</summary>
    private const long LongestPauseForOneNs = 100_000_000;

    private const long LongestPauseForOthersNs = 250_000_000;

    // A flush that is late is expected to need this share of the time it took so far.
    private const double LateShare = 0.5;

    private readonly Lock _lock = new();
    private readonly int _slowTables = 3 * options.Level0CompactionTables;
    private readonly int _fullTables = 5 * options.Level0CompactionTables;
    private readonly int _stallTables = 10 * options.Level0CompactionTables;
    private double _flushedPerSecond = FirstRate;
    private double _drainedPerSecond = FirstRate;
    private long _flushBeganNs;
    private long _flushNeedsNs;
    private long _drainBeganNs;
    private int _level0Tables;
    private long _paidAtNs;

    /// <summary>What is asked of the senders of writes, space apart.</summary>
    /// <param name="memTableBytes">In active and frozen memtables.</param>
    public WritePressure Pressure(long memTableBytes, int level0Tables)
    {
        if (memTableBytes >= 2 * options.MemTableBytes || level0Tables >= _stallTables) return WritePressure.Stall;
        return IsMemoryShort(memTableBytes) || level0Tables >= _slowTables ? WritePressure.SlowDown : WritePressure.None;
    }

    /// <summary>Announces a write. False if so many are held up already that it should be refused.</summary>
    /// <param name="pauseNs">For how many nanoseconds it should be held up. (Not for how long a stall lasts: nobody knows.)</param>
    public bool TryPace(long bytes, long memTableBytes, int level0Tables, out long pauseNs)
    {
        pauseNs = 0;
        if (Pressure(memTableBytes, level0Tables) != WritePressure.SlowDown) return true;
        var now = clock.BootTimeNs;
        lock (_lock)
        {
            var paidAt = PaidAtWith(bytes, memTableBytes, level0Tables, now);
            pauseNs = paidAt - now;
            if (pauseNs > LongestPauseNs) return false;
            _paidAtNs = paidAt;
            return true;
        }
    }

    /// <summary>A write that cannot be held up is coming: others wait for it, but never so long that they do not get their turn.</summary>
    public void Charge(long bytes, long memTableBytes, int level0Tables)
    {
        if (Pressure(memTableBytes, level0Tables) != WritePressure.SlowDown) return;
        var now = clock.BootTimeNs;
        lock (_lock) _paidAtNs = Math.Max(_paidAtNs, Math.Min(now + LongestPauseForOthersNs, PaidAtWith(bytes, memTableBytes, level0Tables, now)));
    }

    public void OnFlushBegun(long bytes)
    {
        lock (_lock)
        {
            _flushBeganNs = clock.BootTimeNs;
            _flushNeedsNs = (long)(bytes / _flushedPerSecond * NsPerSecond);
        }
    }

    /// <param name="bytes">Of the memtables that were flushed. A small flush says little of a large one: its time is that of the syncs.</param>
    public void OnFlushEnded(long bytes)
    {
        if (bytes < options.MemTableBytes / 4) return;
        lock (_lock) _flushedPerSecond = Mean(_flushedPerSecond, bytes, clock.BootTimeNs - _flushBeganNs);
    }

    /// <summary>The number of tables in level 0 changed.</summary>
    public void OnLevel0(int tables)
    {
        lock (_lock)
        {
            if (_level0Tables < options.Level0CompactionTables) _drainBeganNs = clock.BootTimeNs;
            _level0Tables = tables;
        }
    }

    /// <summary>A compaction has taken so much out of level 0.</summary>
    public void OnDrained(long bytes)
    {
        lock (_lock)
        {
            var now = clock.BootTimeNs;
            _drainedPerSecond = Mean(_drainedPerSecond, bytes, now - _drainBeganNs);
            _drainBeganNs = now;
        }
    }

    private long PaidAtWith(long bytes, long memTableBytes, int level0Tables, long now)
    {
        var rate = Math.Min(MemoryRate(memTableBytes, now), Level0Rate(level0Tables));
        return Math.Max(_paidAtNs, now) + (long)Math.Min(LongestPauseForOneNs, bytes / rate * NsPerSecond);
    }

    private bool IsMemoryShort(long memTableBytes) => memTableBytes >= 1.5 * options.MemTableBytes;

    private double MemoryRate(long memTableBytes, long now)
    {
        if (!IsMemoryShort(memTableBytes)) return double.PositiveInfinity;
        var room = Math.Max(options.MemTableBytes / 4096, (2 * options.MemTableBytes) - memTableBytes);
        var elapsedNs = Math.Max(1, now - _flushBeganNs);
        return room / Math.Max(_flushNeedsNs - elapsedNs, LateShare * elapsedNs) * NsPerSecond;
    }

    private double Level0Rate(int tables)
    {
        if (tables < _slowTables) return double.PositiveInfinity;
        var closeness = Math.Min(1, (double)(tables - _slowTables + 1) / (_fullTables - _slowTables + 1));
        return Math.Max(LeastRate, _drainedPerSecond * 1.5 * (1 - closeness));
    }

    private static double Mean(double perSecond, long bytes, long durationNs) =>
        durationNs <= 0 ? perSecond : Math.Max(LeastRate, (perSecond + (bytes / (double)durationNs * NsPerSecond)) / 2);
}

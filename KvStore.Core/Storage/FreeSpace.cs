using KvStore.Core.Io;

namespace KvStore.Core.Storage;

/// <summary>
/// Watches the free space of the disk, once a second. Below the reserve writes are refused; they resume when there is a quarter more than
/// the reserve, so that the state does not flutter, and enough for whoever was refused and waits. The ballast is what is left when even the
/// reserve is used up.
/// </summary>
internal sealed class FreeSpace : IWorkItem, IDisposable
{
    private const long IntervalNs = 1_000_000_000;

    private readonly IFileSystem _fs;
    private readonly string _directory;
    private readonly long _reserve;
    private readonly Ballast _ballast;
    private readonly IScheduler _scheduler;
    private readonly Func<long> _awaitedBytes;
    private readonly Action _onLooked;
    private readonly Action<DiskException> _onFailed;
    private readonly Lock _lock = new();
    private IDisposable? _timer;
    private bool _isClosed;
    private long _freeBytes;
    private volatile bool _isShort;

    /// <param name="awaitedBytes">What somebody waits for who was refused: 0 if nobody does. With less it would only be refused again.</param>
    public FreeSpace(
        IFileSystem fs, string directory, long reserve, Ballast ballast, IScheduler scheduler, Func<long> awaitedBytes, Action onLooked,
        Action<DiskException> onFailed)
    {
        _fs = fs;
        _directory = directory;
        _reserve = reserve;
        _ballast = ballast;
        _scheduler = scheduler;
        _awaitedBytes = awaitedBytes;
        _onLooked = onLooked;
        _onFailed = onFailed;
        _freeBytes = fs.FreeBytes(directory);
        _isShort = _freeBytes < reserve;
        if (!_isShort) ballast.Restore(reserve);
        _timer = scheduler.PostAfter(IntervalNs, this);
    }

    /// <summary>Writes should be refused.</summary>
    public bool IsShort => _isShort;

    /// <summary>When it was last looked at.</summary>
    public long Bytes => Volatile.Read(ref _freeBytes);

    /// <summary>A write was refused by the disk, whatever the last look said. True if there is room now to try again: the ballast was given up.</summary>
    public bool OnRefused()
    {
        lock (_lock) _isShort = true;
        try
        {
            return _ballast.Release();
        }
        catch (DiskException e)
        {
            _onFailed(e);
            return false;
        }
    }

    public void Execute()
    {
        try
        {
            Look();
        }
        catch (DiskException e)
        {
            _onFailed(e);
            return;
        }

        lock (_lock)
        {
            if (!_isClosed) _timer = _scheduler.PostAfter(IntervalNs, this);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isClosed = true;
            _timer?.Dispose();
            _timer = null;
        }
    }

    private void Look()
    {
        var free = _fs.FreeBytes(_directory);
        Volatile.Write(ref _freeBytes, free);
        if (free < _reserve) _isShort = true;
        if (!_isShort) return;
        if (TryEndShortage(free)) _ballast.Restore(_reserve);

        // Also if this has just become short: who was refused in this moment waits for it.
        _onLooked();
    }

    /// <summary>Whoever is refused says what is awaited, then that it was refused: it is not overlooked here, or the state is short again after this.</summary>
    private bool TryEndShortage(long free)
    {
        lock (_lock)
        {
            if (free < Math.Max(_reserve + (_reserve / 4), _awaitedBytes())) return false;
            _isShort = false;
            return true;
        }
    }
}

using KvStore.Core.Io;

namespace KvStore.Core.Storage.Wal;

/// <summary>
/// Keeps one segment file ready, filled with zeros or with the content of a recycled segment, on a lane of its own: a sync into a file
/// that was written once costs half of a sync into one that was merely allocated. Removes retired segments, oldest first, each
/// durably before the next, so that the log never has a gap.
/// </summary>
internal sealed class SegmentSupply(IFileSystem fileSystem, string directory, int segmentBytes, IScheduler scheduler, Action onStarved, Action<Exception> onFailed) : IWorkItem, IDisposable
{
    private const int ChunkBytes = 1 << 20;
    private const int BytesPerSync = 4 << 20;
    private const long LookForSpaceNs = 1_000_000_000;
    private readonly Lock _lock = new();
    private readonly Queue<Segment> _retired = new();
    private readonly ILane _lane = scheduler.CreateLane("wal-supply");
    private bool _spareReady;
    private bool _isStarved;
    private bool _posted;
    private bool _disposed;

    private string SparePath => Path.Combine(directory, WalFormat.SpareName);

    /// <summary>Bytes of segments that wait to be used.</summary>
    public long ReadyBytes
    {
        get
        {
            lock (_lock) return _spareReady ? segmentBytes : 0;
        }
    }

    /// <summary>The disk has no room for a spare, and no segment has been retired since that was found: one should be, for it becomes the spare.</summary>
    public bool IsStarved
    {
        get
        {
            lock (_lock) return _isStarved;
        }
    }

    /// <summary>Tells the supply that a spare is there from before.</summary>
    public void AdoptSpare() => _spareReady = true;

    /// <summary>The path of a file of exactly <paramref name="bytes"/>, which is the caller's from now on; its content is arbitrary.</summary>
    /// <exception cref="DiskException">No spare was ready, and there is no room for a new file.</exception>
    public string Take(int bytes)
    {
        var path = Path.Combine(directory, WalFormat.RollingName);
        if (bytes == segmentBytes && ReadyBytes > 0)
        {
            // Under another name before it no longer counts as ready: the other lane may make the next spare, or a retired segment one, at any moment.
            fileSystem.Rename(SparePath, path);
            lock (_lock) _spareReady = false;
            return path;
        }

        if (fileSystem.FileExists(path)) fileSystem.Delete(path);
        using var file = fileSystem.Open(path, FileOpenMode.CreateNew);
        file.Allocate(bytes);
        return path;
    }

    /// <summary>Makes a spare, in the background, unless there is one. Called after a taken file has got its own name.</summary>
    public void Replenish() => Wake(null);

    /// <summary>Removes a segment that has left the log, in the background.</summary>
    public void Retire(Segment segment) => Wake(segment);

    public void Execute()
    {
        try
        {
            lock (_lock) _posted = false;
            while (TryTakeRetired(out var segment)) Remove(segment);
            if (ReadyBytes == 0) MakeSpare();
        }
        catch (IOException e)
        {
            onFailed(e);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_disposed) return;
            _disposed = true;
        }

        _lane.Dispose();
        while (TryTakeRetired(out var segment)) segment.Dispose();
    }

    /// <summary>
    /// Fills a file with zeros, durably. Synced in steps, so that other syncs on the device need not wait for all of it.
    /// False if <paramref name="cancelled"/> became true in between.
    /// </summary>
    public static bool FillWithZeros(IFile file, int bytes, Func<bool> cancelled)
    {
        var zeros = new byte[Math.Min(bytes, ChunkBytes)];
        file.Allocate(bytes);
        for (var at = 0; at < bytes; at += zeros.Length)
        {
            if (cancelled()) return false;
            file.Write(at, zeros.AsSpan(0, Math.Min(zeros.Length, bytes - at)));
            if ((at + zeros.Length) % BytesPerSync == 0) file.DataSync();
        }

        file.DataSync();
        return true;
    }

    private void Wake(Segment? retired)
    {
        lock (_lock)
        {
            if (retired is not null)
            {
                _retired.Enqueue(retired);
                _isStarved = false;
            }

            if (_posted || _disposed) return;
            _posted = true;
        }

        _lane.Post(this);
    }

    private bool TryTakeRetired(out Segment segment)
    {
        lock (_lock) return _retired.TryDequeue(out segment!);
    }

    private void Remove(Segment segment)
    {
        var reuse = segment.Bytes == segmentBytes && ReadyBytes == 0;
        segment.Dispose();
        if (reuse) fileSystem.Rename(segment.File.Path, SparePath);
        else fileSystem.Delete(segment.File.Path);
        fileSystem.SyncDirectory(directory);
        if (reuse) SetReady();
    }

    /// <summary>
    /// Without a spare on a full disk the writer makes the next segment itself, and fails if there is still no room;
    /// the node refuses writes before it comes to that (<see cref="WriteAheadLog.ReservedBytes"/>).
    /// </summary>
    private void MakeSpare()
    {
        var path = Path.Combine(directory, WalFormat.FillingName);
        if (fileSystem.FileExists(path)) fileSystem.Delete(path);
        if (!TryFill(path))
        {
            if (fileSystem.FileExists(path)) fileSystem.Delete(path);
            return;
        }

        fileSystem.Rename(path, SparePath);
        fileSystem.SyncDirectory(directory);
        SetReady();
    }

    private bool TryFill(string path)
    {
        try
        {
            // An attempt that must fail would take what is left, if only for a moment, from a flush.
            if (fileSystem.FreeBytes(directory) >= segmentBytes)
            {
                using var file = fileSystem.Open(path, FileOpenMode.CreateNew);
                return FillWithZeros(file, segmentBytes, () => Volatile.Read(ref _disposed));
            }
        }
        catch (DiskException e) when (e.IsDiskFull)
        {
            // As if it had been known.
        }

        lock (_lock) _isStarved = true;
        onStarved();
        scheduler.PostAfter(LookForSpaceNs, new LookForSpace(this));
        return false;
    }

    private void SetReady()
    {
        lock (_lock) (_spareReady, _isStarved) = (true, false);
    }

    private sealed class LookForSpace(SegmentSupply owner) : IWorkItem
    {
        public void Execute() => owner.Replenish();
    }
}

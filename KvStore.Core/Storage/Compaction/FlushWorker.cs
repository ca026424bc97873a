using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage.Manifest;
using KvStore.Core.Storage.Table;

namespace KvStore.Core.Storage.Compaction;

/// <summary>
/// Runs one flush at a time on a lane of its own, step by step. Memtables are frozen only when the flush before is done, so that no
/// partition has more than one waiting.
/// </summary>
internal sealed class FlushWorker(StorageEngine engine, TableTree tree, IScheduler scheduler, long stepBytes) : IWorkItem
{
    private const long PauseAfterShortageNs = 1_000_000_000;

    private readonly Lock _lock = new();
    private readonly ILane _lane = scheduler.CreateLane("flush");
    private readonly HashSet<PartitionId> _wanted = [];
    private bool _allWanted;
    private bool _isPosted;
    private bool _isClosed;
    private bool _isPausing;
    private FlushJob? _job;
    private long _bytesInJob;
    private long _awaitedBytes;

    /// <summary>Why the flush stands still and waits: for <see cref="TryAgain"/> if space is lacking, else for a second.</summary>
    private DiskException? _trouble;

    /// <summary>A flush was refused for want of space and is not tried again before there is this much; 0: none was. Any thread.</summary>
    public long AwaitedBytes => Volatile.Read(ref _awaitedBytes);

    /// <summary>Asks for a flush of one partition or all. Any thread; does not wait.</summary>
    public void Request(PartitionId? partition)
    {
        lock (_wanted)
        {
            if (partition is { } id) _wanted.Add(id);
            else _allWanted = true;
        }

        Wake();
    }

    /// <summary>Goes on, if there is something to do. Any thread.</summary>
    public void Wake()
    {
        lock (_wanted)
        {
            if (_isPosted || _isClosed) return;
            _isPosted = true;
            _lane.Post(this);
        }
    }

    /// <summary>There is so much free space now; while it is short the reserve is not used up for what may not fit. Any thread.</summary>
    public void TryAgain(long freeBytes)
    {
        if (freeBytes >= Volatile.Read(ref _bytesInJob) || !engine.LacksSpace) Wake();
    }

    public void Execute()
    {
        lock (_wanted) _isPosted = false;
        bool more;
        lock (_lock)
        {
            tree.DeleteUnwanted();
            more = !_isClosed && !engine.HasFailed && Advance(TakeWanted);
        }

        if (more) Wake();
    }

    /// <summary>Flushes everything that was applied before the call, on the caller's thread.</summary>
    /// <exception cref="DiskException">It could not be made durable.</exception>
    public void FlushNow()
    {
        lock (_lock)
        {
            Invariant.Check(!_isClosed);
            _trouble = null;
            while (_job is not null && !HasStopped) Advance(() => []);
            if (!HasStopped && Advance(() => engine.Partitions))
                while (_job is not null && !HasStopped) Advance(() => []);
            tree.DeleteUnwanted();
        }

        engine.ThrowIfFailed();
        if (_trouble is { } trouble) throw trouble;
    }

    public void Close()
    {
        lock (_wanted) _isClosed = true;
        _lane.Dispose();
        lock (_lock)
        {
            _job?.Dispose();
            _job = null;
        }
    }

    private bool HasStopped => engine.HasFailed || _trouble is not null;

    /// <summary>One step; false if there is nothing to do.</summary>
    private bool Advance(Func<IEnumerable<PartitionStore>> partitions)
    {
        try
        {
            _job ??= Begin(partitions());
            if (_job is null) return false;
            _trouble = null;
            if (!_job.Step(stepBytes)) return true;
            Commit(_job);
            Volatile.Write(ref _awaitedBytes, 0);
            _job.Dispose();
            _job = null;
            return true;
        }
        catch (OutOfSpaceException)
        {
            // There was not even that much: with twice as much it may be done, for what is compressed needs less than memory.
            Volatile.Write(ref _awaitedBytes, Math.Min(_bytesInJob, 2 * _job!.Bytes));
            _job.Restart();
            if (engine.OnSpaceLacking()) return true;
            _trouble = new DiskException("flush", tree.Directory, 28, "no space left for tables");
            return false;
        }
        catch (DiskException e) when (e.IsShortage && !engine.HasFailed)
        {
            _job!.Restart();
            _trouble = e;
            if (!_isPausing) scheduler.PostAfter(PauseAfterShortageNs, new WorkItem(EndPause));
            _isPausing = true;
            return false;
        }
        catch (DiskException e)
        {
            engine.Fail(e);
            return false;
        }
    }

    private void EndPause()
    {
        lock (_lock) _isPausing = false;
        Wake();
    }

    private FlushJob? Begin(IEnumerable<PartitionStore> partitions)
    {
        var parts = new List<FrozenPart>();
        foreach (var store in partitions)
            if (store.Freeze() is { } part) parts.Add(part);
        if (parts.Count == 0) return null;
        Volatile.Write(ref _bytesInJob, BytesOf(parts));
        engine.WriteController.OnFlushBegun(_bytesInJob);
        return new FlushJob(parts, () => engine.NewTables(forLevel0: true));
    }

    private IEnumerable<PartitionStore> TakeWanted()
    {
        lock (_wanted)
        {
            var all = engine.Partitions;
            var chosen = _allWanted ? all : [.. all.Where(store => _wanted.Contains(store.Id))];
            _allWanted = false;
            _wanted.Clear();
            return chosen;
        }
    }

    /// <summary>
    /// The state of a partition that was dropped or replaced meanwhile is not said: its records are dead in the new tables already, which have
    /// to be looked at for that.
    /// </summary>
    private void Commit(FlushJob job)
    {
        var edit = new VersionEdit();
        foreach (var table in job.Complete()) edit.Added.Add((0, table));
        engine.Counters.AddFlush(edit.Added.Sum(entry => entry.Table.Bytes));
        var flushed = new List<FrozenPart>();
        lock (tree.Lock)
        {
            foreach (var part in job.Parts)
            {
                if (!tree.Partitions.TryGetValue(part.Store.Id, out var known) || known.Generation != part.Generation)
                {
                    tree.NoteDead(part.Store.Id);
                    continue;
                }

                var configuration = part.Configuration.AsSpan().SequenceEqual(known.Configuration) ? null : part.Configuration;
                edit.Partitions.Add(new PartitionRecord(part.Store.Id, part.Generation, part.State, part.Floor, configuration));
                flushed.Add(part);
            }

            engine.Commit(edit, tables => engine.UseTables(tables, flushed));
        }

        engine.WriteController.OnFlushEnded(BytesOf(job.Parts));
        engine.OnFlushed(flushed);
    }

    private static long BytesOf(IReadOnlyList<FrozenPart> parts) => parts.Sum(part => part.Table?.Bytes ?? 0);
}

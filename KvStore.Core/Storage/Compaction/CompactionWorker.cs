using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage.Manifest;
using KvStore.Core.Storage.Table;

namespace KvStore.Core.Storage.Compaction;

/// <summary>
/// Runs one compaction at a time on a lane of its own, step by step. Several workers share a tree: each marks the tables it takes as busy,
/// so that their ranges do not meet.
/// </summary>
internal sealed class CompactionWorker : IWorkItem
{
    private const long PauseAfterTroubleNs = 1_000_000_000;
    private const long LeastQuarantineNs = 10_000_000_000;
    private const long MostQuarantineNs = 3_600_000_000_000;

    private readonly Lock _lock = new();
    private readonly StorageEngine _engine;
    private readonly TableTree _tree;
    private readonly CompactionPicker _picker;
    private readonly DeadData _deadData;
    private readonly RateLimiter _limiter;
    private readonly IScheduler _scheduler;
    private readonly ILane _lane;
    private readonly WakeItem _wake;
    private readonly long _stepBytes;
    private bool _isPosted;
    private bool _isPausing;
    private volatile bool _isClosed;
    private volatile bool _lacksSpace;

    /// <summary>What is merged may not be larger: for more there was no space.</summary>
    private long _mostBytes = long.MaxValue;

    private CompactionJob? _job;

    public CompactionWorker(
        StorageEngine engine, TableTree tree, CompactionPicker picker, RateLimiter limiter, IScheduler scheduler, string laneName, long stepBytes)
    {
        _engine = engine;
        _tree = tree;
        _picker = picker;
        _deadData = new DeadData(tree, edit => engine.Commit(edit, engine.UseTables), Quarantine);
        _limiter = limiter;
        _scheduler = scheduler;
        _lane = scheduler.CreateLane(laneName, inBackground: true);
        _wake = new WakeItem(this);
        _stepBytes = stepBytes;
    }

    /// <summary>Looks for work, if idle. Any thread.</summary>
    public void Wake()
    {
        lock (_lock)
        {
            if (_isPosted || _isPausing || _isClosed) return;
            _isPosted = true;
            _lane.Post(this);
        }
    }

    /// <summary>
    /// There may be enough space for some of the work by now. While space is short this is called each second: what could not be merged is
    /// tried again after a dozen, smaller work before. Any thread.
    /// </summary>
    public void TryAgain()
    {
        var most = Volatile.Read(ref _mostBytes);
        Volatile.Write(ref _mostBytes, _engine.LacksSpace ? most + Math.Min(most / 16, long.MaxValue - most) : long.MaxValue);
        _lacksSpace = false;
        Wake();
    }

    public void Execute()
    {
        lock (_lock) _isPosted = false;
        if (_isClosed || _engine.HasFailed || !Advance(out var pauseNs)) return;
        if (pauseNs == 0) Wake();
        else Pause(pauseNs);
    }

    public void Close()
    {
        lock (_lock) _isClosed = true;
        _lane.Dispose();
        _job?.Abandon();
        EndJob();
    }

    /// <summary>One step; false if there is nothing to do.</summary>
    private bool Advance(out long pauseNs)
    {
        pauseNs = 0;
        try
        {
            if (_lacksSpace) return false;
            _job ??= Begin();
            if (_job is null) return false;
            var before = _job.Bytes;
            var isDone = _job.Step(_stepBytes);
            _engine.Counters.AddCompacted(_job.Bytes - before);
            if (!_engine.IsBehind) pauseNs = _limiter.Charge(_job.Bytes - before);
            if (isDone) Commit(_job);
            return true;
        }
        catch (OutOfSpaceException)
        {
            Volatile.Write(ref _mostBytes, (_job?.Plan.InputBytes ?? 0) / 2);
            _job?.Abandon();
            EndJob();

            // Before anybody may look at the space and find that there is enough.
            _lacksSpace = true;
            _engine.OnSpaceLacking();
        }
        catch (CorruptionException e)
        {
            // What cannot be read for a moment only is not to be tried table after table.
            Quarantine(e);
            _job?.Abandon();
            EndJob();
            pauseNs = PauseAfterTroubleNs;
            return true;
        }
        catch (DiskException e) when (e.IsShortage && !_engine.HasFailed)
        {
            _job?.Abandon();
            EndJob();
            pauseNs = PauseAfterTroubleNs;
            return true;
        }
        catch (DiskException e)
        {
            _engine.Fail(e);
        }

        return false;
    }

    /// <summary>Takes the tables of the next plan. Tables that only change their level do so at once.</summary>
    private CompactionJob? Begin()
    {
        _deadData.Scan();
        lock (_tree.Lock)
        {
            while (_picker.Pick(_tree.Current, _tree.Running, Volatile.Read(ref _mostBytes)) is { } plan)
            {
                if (!plan.IsMove)
                {
                    foreach (var table in plan.Inputs) table.IsBusy = true;
                    _tree.Running.Add(plan);
                    _tree.Current.AddReference();
                    return new CompactionJob(plan, _tree.Current, _engine.NewTables(forLevel0: false), _tree.FindPartition);
                }

                var edit = new VersionEdit();
                edit.Removed.Add(plan.Upper[0].Info.FileNumber);
                edit.Added.Add((plan.TargetLevel, plan.Upper[0].Info));
                _engine.Commit(edit, _engine.UseTables);
            }
        }

        return null;
    }

    private void Commit(CompactionJob job)
    {
        var edit = job.Complete();
        _engine.Commit(edit, tables =>
        {
            _engine.UseTables(tables);

            // Whoever looked for dead data since then saw the inputs.
            foreach (var record in job.Kept)
                if (_tree.Partitions.GetValueOrDefault(record.Id)?.Generation != record.Generation) _tree.NoteDead(record.Id);
        });
        if (job.Plan.Level == 0) _engine.WriteController.OnDrained(job.Plan.Upper.Sum(table => table.Info.Bytes));
        EndJob();
        _engine.Counters.AddCompaction();
        _engine.OnTablesChanged();
    }

    private void EndJob()
    {
        if (_job is null) return;
        lock (_tree.Lock)
        {
            foreach (var table in _job.Plan.Inputs) table.IsBusy = false;
            _tree.Running.Remove(_job.Plan);
        }

        _job.Dispose();
        _job = null;
    }

    /// <summary>
    /// A damaged table is left where it is: nothing is merged that would have to do without it. It is tried again later, for what cannot be
    /// read now may be readable then; each time it takes twice as long until then.
    /// </summary>
    private void Quarantine(CorruptionException e)
    {
        PartitionId? partition = null;
        lock (_tree.Lock)
        {
            foreach (var table in _tree.Current.Tables.Where(table => table.Path == e.Path))
            {
                table.IsQuarantined = true;
                table.QuarantineNs = Math.Clamp(2 * table.QuarantineNs, LeastQuarantineNs, MostQuarantineNs);
                _scheduler.PostAfter(table.QuarantineNs, new WorkItem(() => EndQuarantine(table)));
                partition = StorageKey.PartitionOf(table.Info.Smallest);
                if (partition != StorageKey.PartitionOf(table.Info.Largest)) partition = null;
            }
        }

        _engine.OnCorruption(e, partition);
    }

    private void EndQuarantine(TableFile table)
    {
        lock (_tree.Lock) table.IsQuarantined = false;
        Wake();
    }

    private void Pause(long ns)
    {
        lock (_lock) _isPausing = true;
        _scheduler.PostAfter(ns, _wake);
    }

    private sealed class WakeItem(CompactionWorker worker) : IWorkItem
    {
        public void Execute()
        {
            lock (worker._lock) worker._isPausing = false;
            worker.Wake();
        }
    }
}

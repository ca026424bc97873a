using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Wal;

/// <summary>The log's lane: writes batches, keeps account of what became durable, recycles segments, and marks an idle log.</summary>
internal sealed class LogWriter : IWorkItem
{
    private readonly WalOptions _options;
    private readonly IClock _clock;
    private readonly IScheduler _scheduler;
    private readonly IWalListener _listener;
    private readonly SubmissionQueue _queue;
    private readonly SegmentSet _segments;
    private readonly SegmentWriter _writer;
    private readonly GroupTable _groups;
    private readonly Retention _retention;
    private readonly ILane _lane;
    private readonly MarkTimer _markTimer;
    private readonly Lock _lifeLock = new();
    private bool _stopping;
    private int _failed;
    private int _recyclingRequested;
    private int _markRequested;
    private bool _markTimerSet;
    private long _batchesWhenSet;
    private ulong _durable;
    private ulong _readableEnd;
    private long _batches;
    private long _records;
    private long _bytes;
    private long _syncNs;
    private long _recycled;

    public LogWriter(
        WalOptions options, IClock clock, IScheduler scheduler, IWalListener listener, SubmissionQueue queue, SegmentSet segments,
        SegmentWriter writer, GroupTable groups, Retention retention, Lsn durable)
    {
        (_options, _clock, _scheduler, _listener) = (options, clock, scheduler, listener);
        (_queue, _segments, _writer, _groups, _retention) = (queue, segments, writer, groups, retention);
        _durable = durable.Value;
        _readableEnd = new WalAddress(segments.Newest.Number, writer.End).Value;
        _markTimer = new MarkTimer(this);
        _lane = scheduler.CreateLane("wal");
    }

    public Lsn Durable => new(Volatile.Read(ref _durable));

    /// <summary>Every address below this is on the disk; those from here on are still in the queue.</summary>
    public ulong ReadableEnd => Volatile.Read(ref _readableEnd);

    /// <summary>Set before the first submission: retires a segment that nobody needs any more.</summary>
    public required Action<Segment> Retire { get; init; }

    /// <summary>Whether the disk has no room for the next segment, so that one of the log's own is wanted for it.</summary>
    public required Func<bool> IsStarved { get; init; }

    public WalStatistics Statistics => new(
        Volatile.Read(ref _batches), Volatile.Read(ref _records), Volatile.Read(ref _bytes), Volatile.Read(ref _syncNs),
        _writer.SegmentsOpened, Volatile.Read(ref _recycled));

    /// <summary>Makes the lane look for work.</summary>
    public void Wake()
    {
        lock (_lifeLock)
            if (!_stopping) _lane.Post(this);
    }

    public void RequestRecycling()
    {
        if (Interlocked.Exchange(ref _recyclingRequested, 1) == 0) Wake();
    }

    /// <summary>Nothing becomes durable any more. Any thread; only the first call counts.</summary>
    public void Fail(Exception cause)
    {
        if (Interlocked.Exchange(ref _failed, 1) != 0) return;
        _queue.Fail(cause);
        _listener.OnFailed(cause);
    }

    public void Stop()
    {
        lock (_lifeLock)
        {
            if (_stopping) return;
            _stopping = true;
        }

        _queue.Close();
        _lane.Post(this);
        _lane.Dispose();
    }

    public void Execute()
    {
        try
        {
            WriteAll();
            if (Volatile.Read(ref _failed) != 0) return;
            if (Volatile.Read(ref _stopping)) Mark(sync: true);
            else if (Interlocked.Exchange(ref _markRequested, 0) != 0) MarkIfIdle();
            else SetMarkTimer();
        }
        catch (IOException e)
        {
            Fail(e);
        }
    }

    private void WriteAll()
    {
        while (Volatile.Read(ref _failed) == 0)
        {
            if (Interlocked.Exchange(ref _recyclingRequested, 0) != 0) RecycleSegments();
            if (_queue.Take() is not { } batch) return;
            Write(batch);
        }
    }

    private void Write(Batch batch)
    {
        var startNs = _clock.BootTimeNs;
        _writer.Write(batch, Durable);
        var durationNs = _clock.BootTimeNs - startNs;

        Volatile.Write(ref _durable, batch.LastLsn.Value);
        Volatile.Write(ref _readableEnd, new WalAddress(batch.Segment, batch.Offset + batch.PaddedLength).Value);

        // Whoever waited for this goes on here when there is nothing else to write, and elsewhere when the disk would have to wait for it.
        var isLast = !_queue.HasMore;
        if (isLast) Turn.Begin();
        _listener.OnDurable(batch.LastLsn);
        _listener.OnSync(durationNs, batch.Records, batch.PaddedLength);
        KeepAccount(batch, durationNs);
        if (batch.Opens is not null) Interlocked.Exchange(ref _recyclingRequested, 1);
        _queue.Return(batch);
        if (isLast) Turn.End();
    }

    private void KeepAccount(Batch batch, long durationNs)
    {
        var records = new RecordEnumerator(batch.Body);
        while (records.MoveNext())
        {
            _groups.Apply(records.Header, records.Payload);
            _segments.Note(records.Header, records.Payload);
            if (records.Header.Type == WalRecordType.PartitionDropped) _retention.Forget(records.Header.Partition);
        }

        Volatile.Write(ref _batches, _batches + 1);
        Volatile.Write(ref _records, _records + batch.Records);
        Volatile.Write(ref _bytes, _bytes + batch.PaddedLength);
        Volatile.Write(ref _syncNs, _syncNs + durationNs);
    }

    /// <summary>Oldest first, and only from the end: the log never has a gap.</summary>
    private void RecycleSegments()
    {
        while ((IsOverBudget() || IsStarved()) && _segments.Count > 1)
        {
            var oldest = _segments.Oldest;
            if (_retention.Needs(oldest, keepsWanted: !IsStarved(), out var lastEntries))
            {
                if (lastEntries.Count > 0) _listener.OnSpaceWanted(lastEntries);
                return;
            }

            if (!oldest.TryRetire()) return; // Somebody reads it: there is another chance when the next segment opens.
            _segments.RemoveOldest();
            _listener.OnSegmentRecycled(LastEntries(oldest));
            Volatile.Write(ref _recycled, _recycled + 1);
            Retire(oldest);
        }
    }

    /// <summary>By bytes, and by number: restarts leave short segments.</summary>
    private bool IsOverBudget() =>
        _segments.Bytes > _options.RetentionBytes || _segments.Count > 16 + 2 * (_options.RetentionBytes / _options.SegmentBytes);

    private static Dictionary<PartitionId, LogIndex> LastEntries(Segment segment)
    {
        var last = new Dictionary<PartitionId, LogIndex>();
        foreach (var (partition, use) in segment.Uses)
            if (use.LastEntry > LogIndex.Zero) last[partition] = use.LastEntry;
        return last;
    }

    /// <summary>A mark costs a page, so a writer that only pauses between two batches does without.</summary>
    private void MarkIfIdle()
    {
        if (_batches == _batchesWhenSet) Mark(sync: false);
        else SetMarkTimer();
    }

    private void Mark(bool sync)
    {
        if (!_writer.NeedsMark(Durable)) return;
        if (_queue.TryTakeMarkPage(last: sync, out var offset, out var next)) _writer.WriteMark(offset, next, Durable, sync);
    }

    private void SetMarkTimer()
    {
        if (_markTimerSet || !_writer.NeedsMark(Durable)) return;
        _markTimerSet = true;
        _batchesWhenSet = _batches;
        _scheduler.PostAfter(_options.IdleMarkDelayNs, _markTimer);
    }

    private sealed class MarkTimer(LogWriter owner) : IWorkItem
    {
        public void Execute()
        {
            Volatile.Write(ref owner._markTimerSet, false);
            Interlocked.Exchange(ref owner._markRequested, 1);
            owner.Wake();
        }
    }
}

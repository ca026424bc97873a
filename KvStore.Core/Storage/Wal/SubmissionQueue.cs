using System.Buffers;
using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Wal;

/// <summary>
/// Where submissions from all threads meet the one writer: gives every record its LSN and its place, gathers them into batches,
/// and hands the batches out in order. One short lock; while a batch is being synced, the next one gathers.
/// </summary>
internal sealed class SubmissionQueue(WalOptions options, IClock clock)
{
    private const int KeptBatches = 16;
    private readonly Lock _lock = new();
    private readonly Queue<Batch> _sealed = new();
    private readonly Stack<Batch> _unused = new();
    private readonly ulong[] _groupsSeen = new ulong[(ushort.MaxValue + 1) / 64];
    private Batch _gathering = new();
    private Batch? _writing;
    private int _groupCount;
    private int _limit;
    private bool _writerAwake;
    private bool _closed;
    private Exception? _failure;
    private long _pendingBytes;
    private long _oldestSinceNs;
    private ulong _lastSubmitted;

    public long PendingBytes => Volatile.Read(ref _pendingBytes);

    /// <summary>0 when nothing is pending.</summary>
    public long OldestPendingSinceNs => Volatile.Read(ref _oldestSinceNs);

    public Lsn LastSubmitted => new(Volatile.Read(ref _lastSubmitted));

    /// <summary>Bytes that can be submitted before another segment is needed.</summary>
    /// <param name="opens">How many segments what waits will open before that.</param>
    public long RoomInSegment(out int opens)
    {
        lock (_lock)
        {
            opens = _sealed.Count(batch => batch.Opens is not null) + (_gathering.Opens is null ? 0 : 1) + (_writing?.Opens is null ? 0 : 1);
            return Math.Max(0, _limit - _gathering.Offset - _gathering.PaddedLength);
        }
    }

    /// <summary>Says where the first batch goes. Called once, before the first submission.</summary>
    public void Start(ulong segment, int segmentBytes, int offset, Lsn lastLsn, IEnumerable<GroupState> groups)
    {
        foreach (var group in groups) NoteGroup(group.Partition);
        _lastSubmitted = lastLsn.Value;
        _limit = LimitOf(segmentBytes);
        _gathering.Place(segment, offset, new Lsn(lastLsn.Value + 1), null);
    }

    /// <summary>Returns the LSN of the last record; <paramref name="wake"/> says that the writer must be started.</summary>
    public Lsn Submit(WalWriteBuffer buffer, Span<WalAddress> addresses, out bool wake)
    {
        wake = false;
        if (buffer.Count == 0) return LastSubmitted;
        if (addresses.Length < buffer.Count) throw new ArgumentException("one address per record is needed", nameof(addresses));
        if (buffer.Bytes > WalFormat.MaxSegmentBytes / 2) throw new ArgumentException($"{buffer.Bytes} bytes are too many for one submission", nameof(buffer));
        var nowNs = clock.BootTimeNs;
        lock (_lock)
        {
            ThrowIfUnusable();
            MakeRoom(buffer.Bytes);
            NoteGroups(buffer.Encoded);
            _gathering.Append(buffer.Encoded, buffer.Count, addresses, nowNs);
            _lastSubmitted = _gathering.LastLsn.Value;
            _pendingBytes += buffer.Bytes;
            if (_oldestSinceNs == 0) _oldestSinceNs = Math.Max(1, nowNs);
            wake = !_writerAwake;
            _writerAwake = true;
            return _gathering.LastLsn;
        }
    }

    /// <summary>The next batch to write, which is the writer's until <see cref="Return"/>; null, and the writer asleep, if there is none.</summary>
    public Batch? Take()
    {
        lock (_lock)
        {
            if (_sealed.Count == 0 && _gathering.Records > 0) CloseGathering();
            _writerAwake = _sealed.TryDequeue(out _writing);
            return _writing;
        }
    }

    /// <summary>Something gathers, or waits, behind the batch that is being written.</summary>
    public bool HasMore
    {
        get
        {
            lock (_lock) return _sealed.Count > 0 || _gathering.Records > 0;
        }
    }

    /// <summary>The batch is durable.</summary>
    public void Return(Batch batch)
    {
        lock (_lock)
        {
            _writing = null;
            _pendingBytes -= batch.Body.Length;
            if (_sealed.TryPeek(out var next)) _oldestSinceNs = next.SinceNs;
            else _oldestSinceNs = _gathering.Records > 0 ? Math.Max(1, _gathering.SinceNs) : 0;
            if (_unused.Count < KeptBatches && batch.Capacity <= 2 * options.MaxBatchBytes + WalFormat.PageBytes) _unused.Push(batch);
        }
    }

    /// <summary>Takes one page for a mark if nothing is waiting. False if something is, or if there is no room.</summary>
    /// <param name="last">Whether the page that every segment reserves for a clean stop may be used.</param>
    public bool TryTakeMarkPage(bool last, out int offset, out Lsn nextLsn)
    {
        lock (_lock)
        {
            (offset, nextLsn) = (_gathering.Offset, _gathering.FirstLsn);
            if (_gathering.Records > 0 || _sealed.Count > 0 || _failure is not null) return false;
            if (offset + WalFormat.PageBytes > _limit + (last ? WalFormat.PageBytes : 0)) return false;
            _gathering.Move(_gathering.Segment, offset + WalFormat.PageBytes, null);
            return true;
        }
    }

    /// <summary>Copies an entry that is not on the disk yet. False if no pending batch holds it.</summary>
    public bool TryRead(WalAddress address, PartitionId partition, LogIndex index, IBufferWriter<byte> destination, out int size)
    {
        lock (_lock)
        {
            size = 0;
            var batch = _writing is { } writing && writing.Holds(address) ? writing : _gathering.Holds(address) ? _gathering : null;
            foreach (var waiting in _sealed)
                if (waiting.Holds(address)) batch = waiting;
            if (batch is null) return false;
            var record = batch.From(address);
            size = EntryReader.Copy(record[..RecordHeader.Read(record).TotalBytes], partition, index, destination, "(pending)", address.Offset);
            return true;
        }
    }

    /// <summary>Every later submission throws.</summary>
    public void Fail(Exception cause)
    {
        lock (_lock) _failure ??= cause;
    }

    /// <summary>Every later submission throws; what was submitted is still handed out.</summary>
    public void Close()
    {
        lock (_lock) _closed = true;
    }

    private static int LimitOf(int segmentBytes) => segmentBytes - WalFormat.PageBytes;

    private void ThrowIfUnusable()
    {
        if (_failure is not null) throw new WalFailedException(_failure);
        ObjectDisposedException.ThrowIf(_closed, typeof(WriteAheadLog));
    }

    private void MakeRoom(int bytes)
    {
        if (_gathering.Records > 0
            && (_gathering.Length + bytes > options.MaxBatchBytes || !Fits(_gathering.Offset, _gathering.Length + bytes))) CloseGathering();
        if (!Fits(_gathering.Offset, _gathering.Length + bytes)) PlanNextSegment(bytes);
    }

    private bool Fits(int offset, int length) => offset + (long)WalFormat.AlignUp(length) <= _limit;

    /// <summary>Queues the gathering batch for the writer and starts another one behind it.</summary>
    private void CloseGathering()
    {
        var full = _gathering;
        _sealed.Enqueue(full);
        if (!_unused.TryPop(out _gathering!)) _gathering = new Batch();
        _gathering.Place(full.Segment, full.Offset + full.PaddedLength, new Lsn(full.LastLsn.Value + 1), null);
    }

    private void PlanNextSegment(int bytes)
    {
        var first = SegmentHeader.FirstBatchAfter(_groupCount);
        var needed = first + WalFormat.AlignUp(BatchHeader.Bytes + bytes) + WalFormat.PageBytes;
        var plan = new SegmentPlan(_gathering.Segment + 1, Math.Max(options.SegmentBytes, needed), first);
        _limit = LimitOf(plan.SegmentBytes);
        _gathering.Move(plan.Number, plan.FirstBatchOffset, plan);
    }

    private void NoteGroups(ReadOnlySpan<byte> encoded)
    {
        var records = new RecordEnumerator(encoded);
        while (records.MoveNext()) NoteGroup(records.Header.Partition);
    }

    /// <summary>Counts the groups that a later segment may have to start with: never too few, since a dropped one stays counted.</summary>
    private void NoteGroup(PartitionId partition)
    {
        ref var word = ref _groupsSeen[partition.Value / 64];
        var bit = 1UL << (partition.Value % 64);
        if ((word & bit) == 0) _groupCount++;
        word |= bit;
    }
}

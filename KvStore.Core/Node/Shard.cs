using System.Collections.Concurrent;
using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using KvStore.Core.Storage;
using KvStore.Core.Storage.Wal;

namespace KvStore.Core.Node;

/// <summary>
/// A single-owner event loop that owns some of the node's partitions. It runs as a work item while its queue is not empty;
/// nothing it owns is touched from anywhere else, so none of it takes a lock.
/// </summary>
/// <remarks>
/// One slice: take events, let the partitions react, hand all log records of the slice to the WAL in one submission,
/// send all messages in one frame per peer and lane. So the cost of a sync, a frame and a wake-up is shared by all partitions.
/// </remarks>
public sealed class Shard : IWorkItem
{
    private const int MaxEventsPerSlice = 512;
    private const int MaxQueuedRequests = 16_384;
    private const long MaxQueuedRequestBytes = 64L << 20;
    private const int MaxSubmissionBytes = 8 << 20;
    private const long MaxQueuedRaftBytes = 256L << 20;

    private readonly ConcurrentQueue<ShardEvent> _queue = new();
    private readonly Dictionary<PartitionId, Partition> _partitions = [];
    private readonly List<Partition> _dirty = [];
    private readonly Queue<DurableWait> _durableWaits = new();
    private readonly WalWriteBuffer _walBuffer = new();
    private readonly List<(Partition? Partition, LogIndex Index)> _walOwners = [];
    private WalAddress[] _addresses = new WalAddress[64];
    private WriteAheadLog? _wal;
    private int _scheduled;
    private int _queuedRequests;
    private long _queuedRequestBytes;
    private long _queuedRaftBytes;
    private long _lastTurnNs;
    private long _oldestAtRiskNs;
    private readonly TickItem _tick;
    private readonly HeldWrites _held;
    private IDisposable? _timer;
    private long _timerDueMs = long.MaxValue;
    private long _nextDeadlineMs = long.MaxValue;
    private bool _stopping;
    private bool _awaitsLog;
    private Dictionary<NodeId, ReplicationLag> _lags = [];
    private long _nextLagNs;

    private readonly record struct DurableWait(Lsn After, Partition Partition, Term Term, LogIndex Index, Term HardStateTerm);

    internal Shard(int number, NodeContext context)
    {
        Number = number;
        Context = context;
        Outbox = new PeerOutbox(context.Transport, context.Counters);
        _tick = new TickItem(this);
        _held = new HeldWrites();
    }

    public int Number { get; }

    internal NodeContext Context { get; }

    internal PeerOutbox Outbox { get; }

    internal RaftReady Ready { get; } = new();

    internal EntryMeta[] MetaScratch { get; set; } = new EntryMeta[64];

    /// <summary>The clock as this slice sees it.</summary>
    internal long NowNs { get; private set; }

    internal long NowMs => NowNs / 1_000_000;

    /// <summary>When the shard last took events (ns since boot). A node claims no leadership for a shard that does not turn.</summary>
    public long LastTurnNs => Volatile.Read(ref _lastTurnNs);

    /// <summary>When the oldest fast write that no majority holds was acknowledged (ns since boot); 0 = there is none.</summary>
    public long OldestAtRiskNs => Volatile.Read(ref _oldestAtRiskNs);

    internal IEnumerable<Partition> Partitions => _partitions.Values;

    /// <summary>How far a peer is behind what this shard leads, as of the last tick. Any thread.</summary>
    public ReplicationLag LagOf(NodeId peer) => Volatile.Read(ref _lags).GetValueOrDefault(peer);

    internal void Attach(WriteAheadLog wal) => _wal = wal;

    internal void Add(Partition partition) => _partitions.Add(partition.Id, partition);

    /// <summary>Queues an event that must not be lost: completions and decisions of the node itself.</summary>
    public void Post(in ShardEvent item)
    {
        _queue.Enqueue(item);
        Schedule();
    }

    /// <summary>Queues a write. False when the queue is full: it was not and will not be taken.</summary>
    public bool TryPostWrite(PendingWrite operation)
    {
        if (!TryReserve(operation.EntryLength)) return false;
        Post(new ShardEvent(ShardEventKind.Write, operation));
        return true;
    }

    /// <summary>Queues a read barrier. False when the queue is full.</summary>
    public bool TryPostRead(ReadBarrier barrier)
    {
        if (!TryReserve(0)) return false;
        Post(new ShardEvent(ShardEventKind.Read, barrier));
        return true;
    }

    /// <summary>Queues messages of a peer; when too many wait, they are dropped and counted, as a network would.</summary>
    public void PostRaft(NodeId from, PooledBytes messages)
    {
        if (Interlocked.Add(ref _queuedRaftBytes, messages.Length) > MaxQueuedRaftBytes)
        {
            Interlocked.Add(ref _queuedRaftBytes, -messages.Length);
            messages.Release();
            Context.Counters.AddRaftMessageDropped();
            return;
        }

        Post(new ShardEvent(ShardEventKind.Raft, messages, Node: from));
    }

    /// <summary>Runs one slice. Called by the scheduler, never by two threads at once.</summary>
    public void Execute()
    {
        NowNs = Context.Clock.BootTimeNs;
        Volatile.Write(ref _lastTurnNs, NowNs);
        for (var taken = 0; taken < MaxEventsPerSlice && _queue.TryDequeue(out var item); taken++)
        {
            if (_stopping) Refuse(item);
            else Handle(item);
        }

        if (!_stopping) EndSlice();

        // A full fence: were the queue looked at before others see the flag down, an event queued in between would wait for the next one.
        Interlocked.Exchange(ref _scheduled, 0);
        if (!_queue.IsEmpty) Schedule();
    }

    /// <summary>Any thread: the WAL has become durable further. A shard that waits for nothing is not woken.</summary>
    public void OnDurable()
    {
        // Between the WAL's new mark and the look at the flag: the shard sets the flag and then looks at the mark, and one of the two must see the other.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _awaitsLog)) Post(new ShardEvent(ShardEventKind.Durable));
    }

    internal void MarkDirty(Partition partition)
    {
        if (partition.IsDirty) return;
        partition.IsDirty = true;
        _dirty.Add(partition);
    }

    /// <summary>
    /// Whether entries fit into the log without asking a full disk for space, which would end the node; half a segment is left to what
    /// cannot be refused, and to what other shards do at this moment. What is larger than that might need a file of its own.
    /// </summary>
    internal bool LogHasRoomFor(long bytes)
    {
        if (!Context.Storage().LacksSpace) return true;
        var half = Context.Options.WalSegmentBytes / 2;
        return bytes <= half && _wal!.ReservedBytes - _walBuffer.Bytes >= bytes + half;
    }

    internal void LogEntry(Partition partition, Term term, LogIndex index, ReadOnlySpan<byte> payload)
    {
        if (_walBuffer.Bytes + payload.Length > Math.Min(MaxSubmissionBytes, Context.Options.WalSegmentBytes / 2)) SubmitLog();
        _walBuffer.AddEntry(partition.Id, term, index, payload);
        _walOwners.Add((partition, index));
    }

    /// <summary>
    /// Logs the entries of a partition from an index to its end once more, in the place of those further back. In one submission: a crash
    /// leaves the old ones or the new ones. Returns its bytes.
    /// </summary>
    /// <param name="terms">Knows the entries' terms; their payloads are in memory.</param>
    internal int LogAgain(Partition partition, LogIndex from, RaftLog terms)
    {
        SubmitLog();
        LogTruncate(partition, from);
        for (var index = from; index <= terms.LastIndex; index = index.Next)
        {
            Invariant.Check(partition.Log.TryGet(index, out var payload));
            _walBuffer.AddEntry(partition.Id, terms.TermAt(index), index, payload);
            _walOwners.Add((partition, index));
        }

        var bytes = _walBuffer.Bytes;
        SubmitLog();
        return bytes;
    }

    internal void LogTruncate(Partition partition, LogIndex from)
    {
        _walBuffer.AddTruncate(partition.Id, from);
        _walOwners.Add(default);
    }

    internal void LogHardState(Partition partition, in HardState state)
    {
        _walBuffer.AddHardState(partition.Id, new HardStateRecord(state.Term, state.Vote.Value, state.Commit));
        _walOwners.Add(default);
        partition.LoggedHardState = state.Term;
    }

    internal void LogSnapshot(Partition partition, LogIndex index, Term term)
    {
        _walBuffer.AddAppliedSnapshot(partition.Id, index, term);
        _walOwners.Add(default);
    }

    private bool TryReserve(int bytes)
    {
        var requests = Interlocked.Increment(ref _queuedRequests);
        var queuedBytes = Interlocked.Add(ref _queuedRequestBytes, bytes);
        if (requests <= MaxQueuedRequests && queuedBytes <= MaxQueuedRequestBytes) return true;
        Interlocked.Decrement(ref _queuedRequests);
        Interlocked.Add(ref _queuedRequestBytes, -bytes);
        Context.Counters.AddOverloadRejection();
        return false;
    }

    private void Schedule()
    {
        if (Interlocked.CompareExchange(ref _scheduled, 1, 0) == 0) Context.Scheduler.PostNext(this);
    }

    /// <summary>After the stop nothing reaches a partition any more: whoever waits is told, the rest is let go.</summary>
    private static void Refuse(in ShardEvent item)
    {
        if (item.Object is PendingWrite write) Refuse(write, WriteVerdict.ShuttingDown);
        else if (item.Object is ReadBarrier read) read.Completion.OnBarrier(read.Partition, BarrierVerdict.NotPrimary, default);
        else (item.Object as PooledBytes)?.Release();
    }

    private static void Refuse(PendingWrite write, WriteVerdict verdict) => write.Completion.Complete(write, WriteEnd.Refused(verdict));

    private void Handle(in ShardEvent item)
    {
        switch (item.Kind)
        {
            case ShardEventKind.Write:
                Admit((PendingWrite)item.Object!);
                break;
            case ShardEventKind.Read:
                var read = (ReadBarrier)item.Object!;
                Interlocked.Decrement(ref _queuedRequests);
                if (Find(read.Partition) is { } reader) reader.Reads.Add(read);
                else read.Completion.OnBarrier(read.Partition, BarrierVerdict.NotPrimary, default);
                break;
            case ShardEventKind.Raft:
                HandleRaft((PooledBytes)item.Object!);
                break;
            case ShardEventKind.Durable:
                HandleDurable();
                break;
            case ShardEventKind.Tick:
                HandleTick();
                break;
            case ShardEventKind.PeerConnected:
            case ShardEventKind.PeerLost:
                foreach (var partition in _partitions.Values) partition.OnPeer(item.Node, item.Kind == ShardEventKind.PeerConnected);
                break;
            case ShardEventKind.Stop:
                _stopping = true;
                while (_held.TryTake(long.MaxValue, false, out var held)) Refuse(held, WriteVerdict.ShuttingDown);
                ((Action)item.Object!)();
                break;
            default:
                Find(item.Partition)?.OnEvent(item);
                break;
        }
    }

    /// <summary>Writes are held up here, so that they come to their partitions at the speed of flush and compaction.</summary>
    private void Admit(PendingWrite write)
    {
        if (!Context.Storage().TryPaceWrite(write.EntryLength, out var pauseNs))
        {
            Context.Counters.AddOverloadRejection();
            Unreserve(write);
            Refuse(write, WriteVerdict.Overloaded);
        }
        else if (!_held.MustWait(pauseNs, Context.Storage().IsFull))
        {
            Take(write);
        }
        else
        {
            Context.Counters.AddHeldWrite(pauseNs);
            _held.Add(write, NowNs + pauseNs);
            _nextDeadlineMs = Math.Min(_nextDeadlineMs, _held.NextLookMs(NowNs));
        }
    }

    private void Take(PendingWrite write)
    {
        Unreserve(write);
        if (Find(write.Partition) is { } partition) partition.OnWrite(write);
        else Refuse(write, WriteVerdict.NotPrimary);
    }

    private void Unreserve(PendingWrite write)
    {
        Interlocked.Decrement(ref _queuedRequests);
        Interlocked.Add(ref _queuedRequestBytes, -write.EntryLength);
    }

    private Partition? Find(PartitionId id)
    {
        if (!_partitions.TryGetValue(id, out var partition)) return null;
        MarkDirty(partition);
        return partition;
    }

    private void HandleRaft(PooledBytes bytes)
    {
        Interlocked.Add(ref _queuedRaftBytes, -bytes.Length);
        var batch = bytes.Span;
        while (RaftBatch.TryTake(ref batch, out var id, out var message))
        {
            if (Find(id) is { } partition && RaftBatch.TryDecode(message, out var decoded, out var entries)) partition.OnRaft(decoded, entries);
        }

        bytes.Release();
    }

    private void HandleDurable()
    {
        var durable = _wal!.Durable;
        while (_durableWaits.TryPeek(out var wait) && wait.After <= durable)
        {
            _durableWaits.Dequeue();
            MarkDirty(wait.Partition);
            wait.Partition.OnDurable(wait.Term, wait.Index, wait.HardStateTerm);
        }

        Outbox.Release(durable);
    }

    private void HandleTick()
    {
        while (_held.TryTake(NowNs, Context.Storage().IsFull, out var write)) Take(write);
        _nextDeadlineMs = _held.NextLookMs(NowNs);
        var oldest = 0L;
        foreach (var partition in _partitions.Values)
        {
            if (partition.Tick()) MarkDirty(partition);
            var atRisk = partition.Writes.OldestAtRiskNs;
            if (atRisk != 0 && (oldest == 0 || atRisk < oldest)) oldest = atRisk;
            _nextDeadlineMs = Math.Min(_nextDeadlineMs, partition.NextDeadlineMs);
        }

        // The timer that is under way may be for a deadline that has gone.
        if (_timerDueMs <= NowMs) _timerDueMs = long.MaxValue;

        Volatile.Write(ref _oldestAtRiskNs, oldest);
        if (NowNs >= _nextLagNs) MeasureLag();
    }

    private void MeasureLag()
    {
        _nextLagNs = NowNs + 1_000_000_000;
        var lags = new Dictionary<NodeId, ReplicationLag>();
        foreach (var partition in _partitions.Values)
        {
            foreach (var (node, lag) in partition.MeasureLag(NowNs)) lags[node] = lags.GetValueOrDefault(node).With(lag);
        }

        Volatile.Write(ref _lags, lags);
    }

    private void EndSlice()
    {
        foreach (var partition in _dirty) partition.Drain();
        SubmitLog();
        foreach (var partition in _dirty)
        {
            partition.IsDirty = false;
            _nextDeadlineMs = Math.Min(_nextDeadlineMs, partition.NextDeadlineMs);
        }

        _dirty.Clear();
        ArmTimer();
        Outbox.Flush(_wal!.LastSubmitted, _wal.Durable);
        AwaitLog();
    }

    /// <summary>
    /// Says whether a durable notice is wanted. What became durable between the flag's last state and now may have gone unannounced,
    /// so that is looked at once more after the flag is set.
    /// </summary>
    private void AwaitLog()
    {
        var waits = _durableWaits.Count > 0 || Outbox.AwaitsLog;
        Volatile.Write(ref _awaitsLog, waits);
        if (!waits) return;
        Interlocked.MemoryBarrier();
        var durable = _wal!.Durable;
        if ((_durableWaits.TryPeek(out var wait) && wait.After <= durable) || (Outbox.AwaitsLog && Outbox.OldestAwaited <= durable)) Post(new ShardEvent(ShardEventKind.Durable));
    }

    private void SubmitLog()
    {
        var count = _walBuffer.Count;
        if (count == 0) return;
        if (_addresses.Length < count) _addresses = new WalAddress[Math.Max(count, _addresses.Length * 2)];
        var lsn = _wal!.Submit(_walBuffer, _addresses);
        for (var i = 0; i < count; i++)
        {
            if (_walOwners[i].Partition is { } owner) owner.Log.SetAddress(_walOwners[i].Index, _addresses[i]);
        }

        _walOwners.Clear();
        foreach (var partition in _dirty)
        {
            if (partition.LastLogged.Index.Value == 0 && partition.LoggedHardState is null) continue;
            _durableWaits.Enqueue(new DurableWait(
                lsn, partition, partition.LastLogged.Term, partition.LastLogged.Index, partition.LoggedHardState ?? Term.Zero));
            partition.LastLogged = default;
            partition.LoggedHardState = null;
        }
    }

    /// <summary>Elections are timed to the millisecond, not to the tick: the nearest deadline of any partition has a timer, and there is one timer.</summary>
    private void ArmTimer()
    {
        if (_nextDeadlineMs >= _timerDueMs) return;
        _timer?.Dispose();
        _timerDueMs = _nextDeadlineMs;
        _timer = Context.Scheduler.PostAfter(Math.Max(1_000_000, (_timerDueMs * 1_000_000) - NowNs), _tick);
    }

    private sealed class TickItem(Shard shard) : IWorkItem
    {
        public void Execute() => shard.Post(new ShardEvent(ShardEventKind.Tick));
    }
}

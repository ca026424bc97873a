using System.Buffers;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using KvStore.Core.Storage;
using KvStore.Core.Storage.Wal;
using KvStore.Protocol.Messages;

namespace KvStore.Core.Node;

/// <summary>
/// One replica: drives a <see cref="RaftNode"/>, its log and the storage engine. Every method runs on the owning shard.
/// It decides nothing that Raft or the state machine can decide; it moves bytes between them, the WAL and the peers.
/// </summary>
internal sealed class Partition : IDisposable
{
    private readonly Shard _shard;
    private readonly RaftNode _raft;
    private readonly CatchUp _catchUp;
    private readonly LagMeter _lag = new();
    private readonly CutFastWrites _cut;
    private readonly ApplyQueue _applies;
    private readonly Intake _intake;
    private readonly PinnedLog _pinnedLog;
    private readonly ColdAppends _coldAppends;
    private readonly FastDeletes _fastDeletes;
    private readonly Handover _handover;
    private ulong _lastTicks;
    private long _uncommittedReported;
    private Term _durableTerm;
    private Term _claimTerm;
    private bool _claimed;
    private RaftRole _role;
    private ReplicaId _leader;

    public Partition(
        Shard shard, PartitionId id, RaftNode raft, PayloadLog log, PartitionStore store, PartitionStatus status, WriteAheadLog wal,
        CatchUp catchUp, ulong lastTicks)
    {
        _shard = shard;
        Id = id;
        _raft = raft;
        Log = log;
        Store = store;
        Status = status;
        _catchUp = catchUp;
        _lastTicks = lastTicks;
        _durableTerm = raft.Term;
        _role = raft.Role;
        Writes = new PartitionWrites(shard.Context);
        Reads = new PartitionReads(id, raft, Writes);
        _handover = new Handover(shard, raft, status);
        _cut = new CutFastWrites(shard.Context, id, log, store);
        _applies = new ApplyQueue(shard, raft, log, store, status, Writes);
        _intake = new Intake(shard, raft, _applies);
        _pinnedLog = new PinnedLog(shard, this, raft, wal);
        _coldAppends = new ColdAppends(shard, id, raft, log, wal);
        _fastDeletes = new FastDeletes(shard, store);
        PublishStatus();
    }

    public PartitionId Id { get; }

    public RaftNode Raft => _raft;

    public PayloadLog Log { get; }

    public PartitionStore Store { get; }

    public PartitionStatus Status { get; }

    public PartitionWrites Writes { get; }

    public PartitionReads Reads { get; }

    public bool IsDirty { get; set; }

    /// <summary>The last entry handed to the WAL in this slice and Raft's term then; index 0 = none.</summary>
    public (Term Term, LogIndex Index) LastLogged { get; set; }

    /// <summary>Term of the hard state handed to the WAL in this slice.</summary>
    public Term? LoggedHardState { get; set; }

    public long NextDeadlineMs => Math.Min(_intake.NextLookMs, _raft.NextDeadlineMs);

    private NodeContext Context => _shard.Context;

    public void OnWrite(PendingWrite operation)
    {
        if (RefusalOf(operation) is { } refusal)
        {
            Refuse(operation, refusal);
            return;
        }

        if (operation.Fast && !_fastDeletes.TryJudge(operation))
        {
            if (!_fastDeletes.TryRead(operation)) RefuseAsOverloaded(operation);
            return;
        }

        var payload = operation.Payload;
        var ticks = NextTicks();

        // Expiry is judged by log time, and that may be ahead of this node's wall clock.
        if (operation.RelativeExpiry) EntryExpiry.MakeAbsolute(payload, Math.Max(Context.Clock.WallMs, (long)(ticks >> 16)));
        new EntryHeader(EntryKind.Write, operation.Fast, Context.Self, ticks).Write(payload);
        switch (_raft.Propose(payload.Length, out var index))
        {
            case ProposeResult.Accepted:
                Append(index, payload);
                _applies.Prefetch(index, payload, isAwaited: !operation.Fast);
                Writes.Add(index, _raft.Term, ticks, operation);
                break;
            case ProposeResult.QuotaExceeded:
                RefuseAsOverloaded(operation);
                break;
            default:
                Refuse(operation, WriteVerdict.NotPrimary);
                break;
        }
    }

    public void OnRaft(in RaftMessage message, ReadOnlySpan<byte> entries)
    {
        if (message.To != _raft.Self) return;
        if (message.Type != RaftMessageType.Append)
        {
            UpdateLed();
            _raft.Step(message, default, _shard.NowMs);
            return;
        }

        if (!_intake.TryRead(entries, message.EntryCount, out var meta, out var room)) return;
        UpdateLed();
        var decision = _raft.Step(message, meta, _shard.NowMs, room);
        if (!decision.Accepted) return;
        if (decision.TruncateFrom is { } from) Truncate(from);
        var index = message.Index + (ulong)decision.FirstNew;
        for (var i = 0; i < decision.FirstNew + decision.NewCount; i++)
        {
            RaftBatch.TryTakeEntry(ref entries, out var term, out var payload);
            if (i < decision.FirstNew) continue;
            index = index.Next;
            AppendOfLeader(term, index, payload);
        }
    }

    /// <summary>The WAL is durable through the last entry of an earlier slice.</summary>
    public void OnDurable(Term term, LogIndex index, Term hardStateTerm)
    {
        if (hardStateTerm > _durableTerm) _durableTerm = hardStateTerm;
        if (hardStateTerm != Term.Zero) _raft.OnHardStateDurable(hardStateTerm);
        if (index.Value == 0) return;
        _raft.OnDurable(term, index);
        Writes.OnDurable(LogIndex.Min(index, _raft.Durable), Store, Context.Self, _shard.NowNs);
    }

    public void OnEvent(in ShardEvent item)
    {
        switch (item.Kind)
        {
            case ShardEventKind.LeaderClaimed:
                _claimed = true;
                _claimTerm = new Term(item.Number);
                _raft.Observe(_claimTerm, ReplicaOf(item.Node) ?? default, _shard.NowMs);
                UpdateLed();
                break;
            case ShardEventKind.LeaderLost:
                _claimed = false;
                UpdateLed();
                if (_role is not (RaftRole.Leader or RaftRole.Learner)) _raft.CampaignAt(_shard.NowMs + ((long)item.Number / 1_000_000));
                break;
            case ShardEventKind.QuorumSuspect:
                _raft.CheckQuorum((ReplicaId[])item.Object!, _shard.NowMs);
                break;
            case ShardEventKind.HigherTerm:
                _raft.Observe(new Term(item.Number), default, _shard.NowMs);
                break;
            case ShardEventKind.Transfer:
                if (ReplicaOf(item.Node) is { } target) _handover.TryTo(target);
                break;
            case ShardEventKind.LogRecycled:
                CompactLog(new LogIndex(item.Number));
                break;
            case ShardEventKind.LogPinned:
                _pinnedLog.WriteAgain();
                break;
            case ShardEventKind.RecordsRead:
                ((EntryRecords)item.Object!).IsRead = true;
                ApplyDecided();
                break;
            case ShardEventKind.WriteJudged:
                var judged = (PendingWrite)item.Object!;
                judged.Records!.IsRead = true;
                OnWrite(judged);
                break;
            case ShardEventKind.ReplicaHalted:
                if (ReplicaOf(item.Node) is { } halted) OnReplicaHalted(halted, item.Node, new LogIndex(item.Number));
                break;
            case ShardEventKind.SnapshotReceiving:
                _intake.IsInstalling = item.Number != 0;
                if (_intake.IsInstalling) Status.Staleness.Forget();
                else ApplyDecided();
                ((Action?)item.Object)?.Invoke();
                break;
            case ShardEventKind.SnapshotInstalled:
                OnInstalled((SnapshotInstalled)item.Object!);
                break;
            case ShardEventKind.SnapshotSent:
                var sent = (SnapshotSent)item.Object!;
                _raft.OnSnapshotStatus(sent.To, sent.Index, sent.Ok);
                if (sent.IsDamaged) _handover.OnDamaged(sent.To);
                break;
        }
    }

    public void OnPeer(NodeId node, bool connected)
    {
        if (ReplicaOf(node) is not { } replica) return;
        if (connected) _raft.ResumeReplication(replica);
        else _raft.OnUnreachable(replica);
        if (_raft.HasReady) _shard.MarkDirty(this);
    }

    /// <summary>True if something is to be done about it in this slice.</summary>
    public bool Tick()
    {
        Writes.Expire(_shard.NowNs);
        _applies.RetryRead();
        if (!Reads.IsEmpty) Reads.Expire(_shard.NowNs);
        if (_intake.HasRoomAgain())
        {
            ApplyDecided();
            return true;
        }

        if (_raft.NextDeadlineMs > _shard.NowMs) return false;
        UpdateLed();
        _raft.Tick(_shard.NowMs);
        return true;
    }

    /// <summary>Carries out what Raft wants until it wants nothing more in this slice.</summary>
    public void Drain()
    {
        Reads.StartRounds();
        while (_raft.HasReady)
        {
            var ready = _shard.Ready;
            _raft.TakeReady(ready);
            if (ready.NoOpIndex is { } noOp) AppendNoOp(noOp);
            if (ready.MustPersistHardState) _shard.LogHardState(this, ready.HardState!.Value);
            ObserveRole();
            foreach (var outgoing in ready.Messages) Send(outgoing);
            foreach (var replica in ready.NeedSnapshot) SendSnapshot(replica);
            foreach (var round in ready.ConfirmedReads) Reads.OnConfirmed(round);
            if (ready.ReadsLost) Reads.OnLost();
            Apply(ready.CommitThrough);
            Reads.OnApplied();
            Reads.StartRounds();
        }

        ReportUncommitted();
        PublishStatus();
    }

    /// <summary>How far the other replicas are behind what this one leads; nothing when it does not lead.</summary>
    public IEnumerable<(NodeId Node, ReplicationLag Lag)> MeasureLag(long nowNs)
    {
        if (_raft.Role != RaftRole.Leader) yield break;
        foreach (var member in _raft.Configuration.Voters)
        {
            if (member.Replica == _raft.Self || !_raft.TryGetProgress(member.Replica, out var progress)) continue;
            yield return (member.Node, _lag.Measure(member.Node, progress.Match, _raft.Log, nowNs));
        }
    }

    public void Dispose() => Log.Dispose();

    private WriteVerdict? RefusalOf(PendingWrite operation)
    {
        if (_raft.Role != RaftRole.Leader || _applies.IsHalted) return WriteVerdict.NotPrimary;
        if (_shard.NowNs >= operation.DeadlineNs) return WriteVerdict.Expired;
        if (operation.Records?.Damage is not null) return WriteVerdict.Damaged;
        if (_applies.IsFull || operation.Records is { MustReadAgain: true }) return WriteVerdict.Overloaded;
        var pressure = Context.Storage().Pressure;
        if (pressure == WritePressure.DiskFull && !MakesSpace(operation.Payload)) return WriteVerdict.DiskFull;
        if (pressure == WritePressure.Stall || Volatile.Read(ref Context.UncommittedBytes) > Context.Options.MaxNodeUncommittedBytes)
            return WriteVerdict.Overloaded;
        return null;
    }

    /// <summary>Deletions are taken on a full disk, while tables and log have something in reserve.</summary>
    private bool MakesSpace(ReadOnlySpan<byte> payload) =>
        StateMachine.OnlyDeletes(payload) && Context.Storage().TakesDeletions && _shard.LogHasRoomFor(payload.Length);

    private void Refuse(PendingWrite operation, WriteVerdict verdict) =>
        operation.Completion.Complete(operation, WriteEnd.Refused(verdict, NodeOf(_raft.Leader)));

    private void RefuseAsOverloaded(PendingWrite operation)
    {
        Context.Counters.AddOverloadRejection();
        Refuse(operation, WriteVerdict.Overloaded);
    }

    private ulong NextTicks() => _lastTicks = Math.Max(Context.Hlc.Now().Ticks, _lastTicks + 1);

    private void Append(LogIndex index, ReadOnlySpan<byte> payload)
    {
        Log.Append(index, payload);
        _shard.LogEntry(this, _raft.Term, index, payload);
        LastLogged = (_raft.Term, index);
    }

    private void AppendOfLeader(Term term, LogIndex index, ReadOnlySpan<byte> payload)
    {
        Log.Append(index, payload);
        _shard.LogEntry(this, term, index, payload);
        Context.Storage().ChargeWrite(payload.Length);
        LastLogged = (_raft.Term, index);
        _lastTicks = Math.Max(_lastTicks, EntryHeader.Read(payload).Ticks);
        _applies.Prefetch(index, payload, isAwaited: false);
    }

    private void AppendNoOp(LogIndex index)
    {
        Span<byte> payload = stackalloc byte[EntryHeader.Size];
        new EntryHeader(EntryKind.NoOp, false, Context.Self, NextTicks()).Write(payload);
        Append(index, payload);
    }

    private void Truncate(LogIndex from)
    {
        _cut.OnTruncate(from, _raft.Log.CutTermAt); // Raft has cut its own log already, and may hold the leader's entry at this index.
        Log.TruncateFrom(from);
        _shard.LogTruncate(this, from);
        LastLogged = default;
        Store.OverlayTruncate(from);
        Writes.OnTruncated(from);
    }

    private void UpdateLed() => _raft.LeaderAlive = _claimed && _claimTerm == _raft.Term && _raft.Role != RaftRole.Leader;

    private void ObserveRole()
    {
        if (_raft.Role != _role)
        {
            if (_raft.Role is RaftRole.PreCandidate) Context.Counters.AddElection();
            _role = _raft.Role;
        }

        if (_raft.Leader == _leader) return;
        _leader = _raft.Leader;
        if (!_leader.IsNone) Context.Counters.AddLeaderChange();
        if (_leader != _raft.Self) Reads.OnLost();
        PublishStatus();
        Context.LeaderChanged?.Invoke(Id);
    }

    private void Send(in OutgoingMessage outgoing)
    {
        var message = outgoing.Message;
        if (NodeOf(message.To) is var node && node.IsNone) return;
        if (message.Type == RaftMessageType.Append && _coldAppends.TryTake(node, message)) return;
        var buffer = _shard.Outbox.BufferFor(node, message.Type, outgoing.AfterDurable);
        var start = RaftBatch.Begin(buffer, Id, message);
        var index = message.Index;
        for (var i = 0; i < message.EntryCount; i++)
        {
            index = index.Next;
            Invariant.Check(Log.TryGet(index, out var payload));
            RaftBatch.AddEntry(buffer, _raft.Log.TermAt(index), payload);
        }

        RaftBatch.End(buffer, start);
    }

    private void SendSnapshot(ReplicaId to)
    {
        if (NodeOf(to) is var node && node.IsNone) return;
        Context.Log.Info($"partition {Id}: {node} is behind the retained log, sending a snapshot at index {_raft.Applied}");
        _catchUp.Send(Store, node, to, _raft.Self);
    }

    private void Apply(LogIndex through)
    {
        if (!_intake.IsInstalling) _applies.Run(through);
    }

    /// <summary>What was decided while nothing could be applied.</summary>
    private void ApplyDecided()
    {
        Apply(LogIndex.Min(_raft.Commit, _raft.Durable));
        Reads.OnApplied();
    }

    /// <summary>A damaged replica says so with each heartbeat: it is given no leadership, and a snapshot if this one has come further.</summary>
    private void OnReplicaHalted(ReplicaId replica, NodeId node, LogIndex applied)
    {
        if (_raft.Role != RaftRole.Leader) return;
        _handover.NoteDamaged(replica);
        if (!_applies.IsHalted && _raft.Applied > applied) _catchUp.Rebuild(Store, node, replica, _raft.Self);
    }

    private void CompactLog(LogIndex through)
    {
        through = LogIndex.Min(through, _raft.Applied);
        if (through < Log.FirstIndex) return;
        _raft.CompactLog(through);
        Log.CompactThrough(through);
    }

    private void OnInstalled(SnapshotInstalled installed)
    {
        _intake.IsInstalling = false;
        _applies.OnInstalled();
        Status.CannotBeCopied = false;
        if (!_raft.Log.Holds(installed.Index, installed.Term)) _cut.OnReplaced(_raft.Applied.Next, _raft.Log.TermAt);
        Writes.OnSnapshot(installed.Index);
        _lastTicks = Math.Max(_lastTicks, Store.Applied.LogTime);
        if (_raft.OnSnapshotInstalled(installed.Index, installed.Term, installed.Configuration)) Log.CompactThrough(installed.Index);
        else
        {
            Log.Reset(installed.Index.Next);
            Store.OverlayTruncate(installed.Index.Next);
            LastLogged = default;
            _shard.LogSnapshot(this, installed.Index, installed.Term);
        }

        ApplyDecided();
        Context.Counters.AddSnapshotInstalled();
        Context.Log.Info($"partition {Id}: installed a snapshot at index {installed.Index}");
    }

    private ReplicaId? ReplicaOf(NodeId node)
    {
        foreach (var member in _raft.Configuration.Voters)
            if (member.Node == node) return member.Replica;
        foreach (var member in _raft.Configuration.VotersOutgoing)
            if (member.Node == node) return member.Replica;
        foreach (var member in _raft.Configuration.Learners)
            if (member.Node == node) return member.Replica;
        return null;
    }

    private NodeId NodeOf(ReplicaId replica) => replica.IsNone ? default : _raft.Configuration.Find(replica)?.Node ?? default;

    private void ReportUncommitted()
    {
        var bytes = _raft.UncommittedBytes;
        if (bytes == _uncommittedReported) return;
        Interlocked.Add(ref Context.UncommittedBytes, bytes - _uncommittedReported);
        _uncommittedReported = bytes;
    }

    private void PublishStatus() => Status.Publish(new PartitionSnapshot(
        _raft.Role, _raft.Term, _durableTerm, NodeOf(_raft.Leader), _raft.Log.LastIndex, _raft.Commit, _raft.Applied,
        _raft.Log.TermAt(_raft.Applied)));
}

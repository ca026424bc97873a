using KvStore.Core.Primitives;

namespace KvStore.Core.Raft;

/// <summary>
/// What a replica has to do only while it leads: take proposals, feed the followers, commit, confirm reads, hand leadership over. The
/// <see cref="RaftNode"/> begins and ends it and decides about everything else.
/// </summary>
internal sealed class Leadership(RaftOptions options, Standing standing, ReplicaLog log, Outbox outbox)
{
    private readonly Replicator _replicator = new(options, standing.Self, log.Entries, outbox);
    private readonly ReadRounds _reads = new();
    private bool _noOpPending;
    private bool _hasWork;
    private LogIndex _pendingConfiguration;
    private long _uncommittedBytes;
    private long _transferDeadlineMs;
    private LogIndex _transferMatch;

    /// <summary>Who was to take over from this leader since it must not lead, and did not.</summary>
    private readonly List<ReplicaId> _didNotTakeOver = new(4);

    public bool IsActive { get; private set; }

    public bool HasCommittedInTerm { get; private set; }

    public ReplicaId TransferTarget { get; private set; }

    public List<ulong> ConfirmedReads { get; } = new(4);

    public List<ReplicaId> NeedSnapshot => _replicator.NeedSnapshot;

    public long UncommittedBytes => _uncommittedBytes;

    /// <summary>The term's first entry is not in the log yet: nothing can be handed over.</summary>
    public bool IsBeginning => _noOpPending;

    public bool HasWork => _hasWork || _noOpPending || _reads.CanStart;

    public long NextDeadlineMs
    {
        get
        {
            var transfer = TransferTarget.IsNone ? long.MaxValue : _transferDeadlineMs;
            return Math.Min(Math.Min(_replicator.NextDeadlineMs(), _reads.Timer.AtMs), transfer);
        }
    }

    public void Begin()
    {
        IsActive = true;
        _replicator.Start(standing.Configuration);
        _noOpPending = true;
        HasCommittedInTerm = false;
        _didNotTakeOver.Clear();

        // Any inherited entry may hold a configuration that this replica has not applied.
        _pendingConfiguration = log.Entries.LastIndex;
        _uncommittedBytes = BytesIn(log.Commit, log.Entries.LastIndex);
    }

    /// <summary>Ends leadership; true if reads were waiting for a confirmation that will not come.</summary>
    public bool End()
    {
        IsActive = false;
        _replicator.Stop();
        _noOpPending = false;
        _hasWork = false;
        HasCommittedInTerm = false;
        TransferTarget = ReplicaId.None;
        return _reads.Abandon();
    }

    /// <summary>Follows a change of the configuration that may make less, or more, a majority.</summary>
    public void AdoptConfiguration()
    {
        _replicator.Adopt(standing.Configuration);
        if (!standing.Configuration.IsVoter(TransferTarget)) TransferTarget = ReplicaId.None;
        _hasWork = true;
        if (!standing.Configuration.IsVoter(standing.Self)) return;
        CommitByMajority();
        ConfirmReads();
    }

    public ProposeResult Propose(int size, bool isConfiguration, out LogIndex index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        index = LogIndex.Zero;
        if (_noOpPending) return ProposeResult.NotLeader;
        if (!TransferTarget.IsNone) return ProposeResult.Transferring;
        if (isConfiguration && log.Applied < _pendingConfiguration) return ProposeResult.ConfigurationPending;
        if (_uncommittedBytes > 0 && _uncommittedBytes + size > options.MaxUncommittedBytes) return ProposeResult.QuotaExceeded;
        index = log.Entries.Append(standing.Term, size, isConfiguration);
        if (isConfiguration) _pendingConfiguration = index;
        _uncommittedBytes += size;
        _hasWork = true;
        return ProposeResult.Accepted;
    }

    public ulong? RequestRead() => HasCommittedInTerm ? _reads.Join() : null;

    public bool Transfer(ReplicaId target, long nowMs)
    {
        if (_noOpPending || target == standing.Self || !standing.Configuration.IsVoter(target)) return false;
        if (target == TransferTarget) return true;
        TransferTarget = target;
        _transferDeadlineMs = nowMs + options.ElectionTimeoutMs;
        _transferMatch = _replicator.Find(target)!.Match;
        SendTimeoutNow();
        return true;
    }

    /// <summary>This leader must not lead from now on: every voter is to have its turn.</summary>
    public void ForgetFailedTransfers() => _didNotTakeOver.Clear();

    /// <summary>
    /// Hands leadership to the voter that has most of the log, one that answers before one that is silent. False if every voter had its
    /// turn and did not take over.
    /// </summary>
    public bool TransferToNearest(long nowMs)
    {
        FollowerProgress? nearest = null;
        foreach (var follower in _replicator.Followers)
        {
            if (!standing.Configuration.IsVoter(follower.Replica) || _didNotTakeOver.Contains(follower.Replica)) continue;
            if (nearest is null || Nearness(follower).CompareTo(Nearness(nearest)) > 0) nearest = follower;
        }

        return nearest is not null && Transfer(nearest.Replica, nowMs);

        static (bool Answers, LogIndex Match) Nearness(FollowerProgress follower) => (follower.State == ProgressState.Replicate, follower.Match);
    }

    public void Tick(long nowMs)
    {
        if (!TransferTarget.IsNone && nowMs >= _transferDeadlineMs) EndTransfer(nowMs);
        if (_replicator.Tick(nowMs)) _hasWork = true;
        if (!_reads.Timer.HasExpired(nowMs, options.RetransmitMs)) return;
        AskVoters();
        _reads.Timer.Restart(nowMs, options.RetransmitMs);
    }

    /// <summary>A leader that must not lead, and may be the only one with all of the log, waits for as long as its successor comes nearer.</summary>
    private void EndTransfer(long nowMs)
    {
        var match = _replicator.Find(TransferTarget)!.Match;
        if (!standing.MayLead && match > _transferMatch)
        {
            _transferMatch = match;
            _transferDeadlineMs = nowMs + options.ElectionTimeoutMs;
            return;
        }

        if (!standing.MayLead) _didNotTakeOver.Add(TransferTarget);
        TransferTarget = ReplicaId.None;
    }

    /// <summary>False if no correct follower sends this.</summary>
    public bool OnAppendReply(in RaftMessage reply, long nowMs)
    {
        if (_replicator.Find(reply.From) is not { } follower) return true;
        _hasWork = true;
        if (reply.Reject == RejectReason.Busy)
        {
            _replicator.OnBusy(follower, reply, nowMs);
            return true;
        }

        if (reply.Reject != RejectReason.None)
        {
            if (reply.Index == LogIndex.Zero) return false;
            _replicator.OnRejected(follower, reply, nowMs);
            return true;
        }

        if (reply.Index > log.Entries.LastIndex) return false;
        follower.Acknowledge(reply.Index, reply.Commit, log.Entries.FirstIndex, nowMs);
        CommitByMajority();
        if (reply.From == TransferTarget) SendTimeoutNow();
        return true;
    }

    public void OnReadConfirmReply(in RaftMessage reply)
    {
        if (standing.Configuration.IsVoter(reply.From) && _reads.Record(reply.From, reply.Context)) ConfirmReads();
    }

    /// <summary>
    /// Commits what a majority holds durably, if the newest of it is of this term: an older one may be held by a majority and still be
    /// replaced (Raft paper, 5.4.2 and figure 8).
    /// </summary>
    public void CommitByMajority()
    {
        var index = _replicator.MajorityIndex(standing.Configuration, log.Durable);
        if (index <= log.Commit || log.Entries.TermAt(index) != standing.Term) return;
        _uncommittedBytes -= BytesIn(log.Commit, index);
        log.RaiseCommit(index);
        HasCommittedInTerm = true;
        _hasWork = true;
    }

    private void ConfirmReads()
    {
        if (_reads.TakeConfirmed(standing.Configuration) is var round and not 0) ConfirmedReads.Add(round);
    }

    public void OnSnapshotStatus(ReplicaId to, LogIndex snapshotIndex, bool ok, long lastSeenMs)
    {
        if (_replicator.Find(to) is not { State: ProgressState.Snapshot } follower) return;
        follower.Probe(ok && snapshotIndex <= log.Entries.LastIndex ? snapshotIndex.Next : follower.Next);
        if (!ok) follower.Pause(lastSeenMs);
        _hasWork = true;
    }

    public void OnUnreachable(ReplicaId to, long lastSeenMs)
    {
        if (_replicator.Find(to) is not { } follower || follower.State == ProgressState.Snapshot) return;
        follower.Restart(empty: true);
        follower.Pause(lastSeenMs);
    }

    public void Resume(ReplicaId to)
    {
        if (_replicator.Find(to) is not { } follower || follower.State == ProgressState.Snapshot) return;
        follower.Restart(empty: false);
        if (_reads.Asked != 0 && standing.Configuration.IsVoter(to)) Ask(follower);
        _hasWork = true;
    }

    public bool TryGetProgress(ReplicaId replica, out Progress progress)
    {
        var follower = _replicator.Find(replica);
        progress = follower is null ? default : new Progress(follower.Match, follower.Next, follower.State, follower.Inflight.Bytes);
        return follower is not null;
    }

    /// <summary>
    /// The first entry of the term, if it is due: an empty one, for only entries of its own term tell a leader what is committed (Raft
    /// paper, section 8). Reserved when the driver is there to append it: were it sooner, a leader deposed in between would count an
    /// entry that the driver never saw.
    /// </summary>
    public LogIndex? TakeNoOp()
    {
        if (!_noOpPending) return null;
        _noOpPending = false;
        return log.Entries.Append(standing.Term, 0);
    }

    /// <summary>Puts what can be sent into the outbox.</summary>
    public void Send(long lastSeenMs)
    {
        _replicator.Send(standing.Term, log.Commit, lastSeenMs);
        _hasWork = false;
        if (!_reads.CanStart) return;
        _reads.Start(standing.Self);
        _reads.Timer.Start(lastSeenMs, options.RetransmitMs);
        AskVoters();
        ConfirmReads();
    }

    private void AskVoters()
    {
        foreach (var follower in _replicator.Followers)
            if (standing.Configuration.IsVoter(follower.Replica)) Ask(follower);
    }

    private void Ask(FollowerProgress follower)
    {
        if (_reads.HasAnswered(follower.Replica)) return;
        outbox.Send(follower.Replica, new RaftMessage
        {
            Type = RaftMessageType.ReadConfirm,
            Term = standing.Term,
            Commit = LogIndex.Min(log.Commit, follower.Match),
            Context = _reads.Asked,
        });
    }

    private void SendTimeoutNow()
    {
        if (_replicator.Find(TransferTarget)!.Match == log.Entries.LastIndex)
            outbox.Send(TransferTarget, new RaftMessage { Type = RaftMessageType.TimeoutNow, Term = standing.Term });
    }

    private long BytesIn(LogIndex after, LogIndex through)
    {
        long bytes = 0;
        for (var index = after.Next; index <= through; index = index.Next) bytes += log.Entries.SizeAt(index);
        return bytes;
    }
}

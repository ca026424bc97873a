using KvStore.Core.Primitives;

namespace KvStore.Core.Raft;

/// <summary>
/// One replica of one Raft group (Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm"; Ongaro's thesis for
/// pre-vote, ReadIndex, leadership transfer): a state machine without I/O, clock, threads or payloads. Its owner, the driver, puts in
/// messages, times and notices of what its disk and state machine have done, and takes out work as a <see cref="RaftReady"/>. One
/// owner, not thread-safe; nothing is allocated per entry or message once the buffers have grown.
///
/// A group without traffic is silent: there are no heartbeats. The driver knows from elsewhere whether the leader lives and says so by
/// <see cref="LeaderAlive"/> and <see cref="CheckQuorum"/>.
///
/// Whose questions are answered: a candidate's if the configuration known here names it a voter, or if its log reaches past that
/// configuration's entry, for then an entry not applied here may have added it. A replica without any configuration answers nobody:
/// it is empty, and may be so because it forgot. A learner does answer: it is asked only by a candidate whose configuration, newer than
/// its own, has made it a voter. Appends are taken from any leader of the term.
/// </summary>
public sealed class RaftNode
{
    private readonly Standing _standing;
    private readonly ReplicaLog _log;
    private readonly Outbox _outbox;
    private readonly Election _election;
    private readonly Leadership _leadership;
    private readonly Followership _followership;
    private long _nowMs;

    private HardState _takenHardState;
    private LogIndex _takenCommit;
    private RaftRole _takenRole;
    private ReplicaId _takenLeader;
    private bool _readsLost;

    /// <param name="options">Times and limits.</param>
    /// <param name="self">This replica.</param>
    /// <param name="configuration">The configuration as of <paramref name="applied"/>; Empty for a replica that waits for its first snapshot.</param>
    /// <param name="hardState">As recovered.</param>
    /// <param name="log">As recovered; owned by the node from here on.</param>
    /// <param name="applied">The state machine's index.</param>
    /// <param name="durable">The last index on disk.</param>
    /// <param name="random">Owned by the node from here on.</param>
    public RaftNode(
        RaftOptions options, ReplicaId self, RaftConfiguration configuration, HardState hardState, RaftLog log, LogIndex applied,
        LogIndex durable, Prng random)
    {
        Invariant.Check(!self.IsNone);
        _standing = new Standing(self, configuration, hardState, log.LastTerm);
        _log = new ReplicaLog(log, hardState.Commit, applied, durable);
        _outbox = new Outbox(self);
        _election = new Election(options, _standing, _log, _outbox, random);
        _leadership = new Leadership(options, _standing, _log, _outbox);
        _followership = new Followership(_standing, _log, _outbox);
        _takenRole = Role;
        _takenHardState = new HardState(hardState.Term, hardState.Vote, Commit);
        _takenCommit = applied;
    }

    public ReplicaId Self => _standing.Self;

    public RaftRole Role => _standing.Role;

    public Term Term => _standing.Term;

    /// <summary>The leader of the term, as far as known here; None if not.</summary>
    public ReplicaId Leader => _standing.Leader;

    public LogIndex Commit => _log.Commit;

    public LogIndex Applied => _log.Applied;

    public LogIndex Durable => _log.Durable;

    public RaftLog Log => _log.Entries;

    /// <summary>The configuration applied last.</summary>
    public RaftConfiguration Configuration => _standing.Configuration;

    public HardState HardState => new(Term, _standing.Vote, Commit);

    /// <summary>A leader that has committed an entry of its own term: only then does it know what is committed (Raft paper, section 8).</summary>
    public bool HasCommittedInTerm => _leadership.HasCommittedInTerm;

    /// <summary>The replica that leadership is being handed to; None if no transfer is under way.</summary>
    public ReplicaId TransferTarget => _leadership.TransferTarget;

    /// <summary>Messages dropped because no correct replica of this group sends them.</summary>
    public long IgnoredMessages { get; private set; }

    /// <summary>
    /// Set by the driver: the node of a replica that leads this group in this very term was heard within the timeout. While true no
    /// election timer runs, and (pre-)votes are denied unless the leader itself asked for them. Falls back to false when the term changes.
    /// Setting it to false starts a full election timeout; <see cref="CampaignAt"/> after it brings the campaign nearer.
    /// </summary>
    public bool LeaderAlive
    {
        get => _standing.LeaderAlive;
        set => _election.SetLeaderAlive(value);
    }

    /// <summary>When <see cref="Tick"/> is due, in the driver's ms; long.MaxValue if nothing is. 0 asks for a tick at once, to set a timer.</summary>
    public long NextDeadlineMs => !_standing.Leads ? _election.DeadlineMs : MustHandOver ? 0 : _leadership.NextDeadlineMs;

    /// <summary>It leads, must not, and nobody is about to take over.</summary>
    private bool MustHandOver => !_standing.MayLead && TransferTarget.IsNone && !_leadership.IsBeginning;

    /// <summary>Whether <see cref="TakeReady"/> has anything to give.</summary>
    public bool HasReady =>
        _leadership.HasWork || _outbox.Messages.Count > 0 || _leadership.ConfirmedReads.Count > 0 || _readsLost
        || HardState != _takenHardState || _log.Applicable > _takenCommit || Role != _takenRole || Leader != _takenLeader;

    /// <summary>
    /// Takes a message in. For an Append <paramref name="entries"/> are its entries, and the driver at once does to its log what the
    /// decision says, marking the entries with <see cref="Term"/> as it is then. Nonsense is ignored and counted.
    /// </summary>
    /// <param name="message">The message.</param>
    /// <param name="entries">As many as the message says.</param>
    /// <param name="nowMs">The driver's clock.</param>
    /// <param name="room">How many of the entries the driver can take now; the leader is told to keep the others until <see cref="ReportRoom"/>.</param>
    public AppendDecision Step(in RaftMessage message, ReadOnlySpan<EntryMeta> entries, long nowMs, int room = int.MaxValue)
    {
        SeeTime(nowMs);
        if (!message.IsWellFormed(Self, entries) || !MayAsk(message))
        {
            IgnoredMessages++;
            return default;
        }

        if (TryAnswerInAnyTerm(message)) return default;
        if (message.Term > Term) _election.BecomeFollower(message.Term, nowMs);
        AppendDecision decision = default;
        if (message.Term < Term) OnOldTerm(message);
        else if (message.Type == RaftMessageType.Append) decision = OnAppend(message, entries, room);
        else OnOwnTerm(message);
        Settle();
        return decision;
    }

    /// <summary>Does what is due at <paramref name="nowMs"/>: campaigns, sends again, gives up a transfer.</summary>
    public void Tick(long nowMs)
    {
        SeeTime(nowMs);
        if (!_standing.Leads)
        {
            _election.Tick(nowMs);
            return;
        }

        _leadership.Tick(nowMs);
        if (MustHandOver && !_leadership.TransferToNearest(nowMs)) StepDown();
    }

    /// <summary>
    /// Starts an election by a pre-vote; a transfer, asked for by the leader, skips that. Ignored by leaders, by non-voters, and, unless
    /// it is a transfer, while the leader is alive. Put off while a decided configuration is not applied here.
    /// </summary>
    public void Campaign(long nowMs, bool transfer = false)
    {
        SeeTime(nowMs);
        _election.Campaign(nowMs, transfer);
    }

    /// <summary>Sets the time of the next campaign, unless a leader is heard of before.</summary>
    public void CampaignAt(long atMs) => _election.CampaignAt(atMs);

    /// <summary>
    /// Reserves the next index for an entry of <paramref name="size"/> bytes. The driver at once appends the payload to its log under
    /// (Term, index). Sent with the next <see cref="TakeReady"/>, so that many proposals share a message.
    /// </summary>
    public ProposeResult Propose(int size, out LogIndex index) => Propose(size, isConfiguration: false, out index);

    /// <summary>
    /// Proposes an entry whose payload is a configuration (<see cref="EntryMeta.IsConfiguration"/> on every replica), one <see cref="ConfigurationChange"/> away from <see cref="Configuration"/>.
    /// Refused until every entry that may hold an earlier one is applied here: majorities of configurations two steps apart need not meet.
    /// </summary>
    public ProposeResult ProposeConfiguration(int size, out LogIndex index) => Propose(size, isConfiguration: true, out index);

    /// <summary>
    /// Joins the gathering round of read confirmations and returns its number; null if this is no leader, or one that has not committed
    /// an entry of its term. The caller notes its read index at this moment (thesis, 6.4).
    /// </summary>
    public ulong? RequestRead() => _leadership.RequestRead();

    /// <summary>
    /// Hands leadership to a voter: proposals stop, the target is brought up to the last entry, then told to campaign at once (thesis,
    /// 3.10). Given up after an election timeout. False if this is no leader or the target no other voter.
    /// </summary>
    public bool TransferLeadership(ReplicaId target, long nowMs)
    {
        SeeTime(nowMs);
        return _standing.Leads && _leadership.Transfer(target, nowMs);
    }

    /// <summary>
    /// The log is durable through <paramref name="index"/>, as it was appended while <see cref="Term"/> was <paramref name="term"/>. What
    /// was cut since is not counted (<see cref="ReplicaLog.RaiseDurable"/>), so the term must be that of the moment of appending, noted
    /// with the write, not that of the moment of the sync.
    /// </summary>
    public void OnDurable(Term term, LogIndex index)
    {
        Invariant.Check(term <= Term);
        if (_log.RaiseDurable(term, index) && _standing.Leads) _leadership.CommitByMajority();
    }

    /// <summary>The hard state of <paramref name="term"/> is durable. Needed for every one taken with MustPersistHardState: a candidate's own vote counts from here.</summary>
    public void OnHardStateDurable(Term term)
    {
        Invariant.Check(term <= Term);
        if (term > _standing.DurableTerm) _standing.DurableTerm = term;
        _election.OnHardStateDurable(term, _nowMs);
        Settle();
    }

    /// <summary>The state machine is at <paramref name="index"/>, which must have been offered by <see cref="RaftReady.CommitThrough"/>.</summary>
    public void OnApplied(LogIndex index) => _log.RaiseApplied(index);

    /// <summary>
    /// The driver applies a configuration entry (before it reports so by <see cref="OnApplied"/>). A leader that is no voter any more
    /// tells the others the commit index and steps down.
    /// </summary>
    public void ApplyConfiguration(RaftConfiguration configuration)
    {
        if (configuration.Index < Configuration.Index) return;
        _standing.Configuration = configuration;
        if (_standing.Leads)
        {
            _leadership.AdoptConfiguration();
            if (configuration.IsVoter(Self)) return;
            _leadership.Send(_nowMs);
            StepDown();
        }
        else if (!_standing.Campaigns || !configuration.IsVoter(Self))
        {
            _standing.Role = _standing.RoleAtRest;
        }
    }

    /// <summary>Steps down unless this leader and <paramref name="heardFrom"/>, who follow it in this term, are a majority (thesis, 6.2).</summary>
    public void CheckQuorum(ReadOnlySpan<ReplicaId> heardFrom, long nowMs)
    {
        SeeTime(nowMs);
        if (!_standing.Leads) return;
        if (!Quorum.IsMajority(Configuration, Self, heardFrom)) StepDown();
    }

    /// <summary>Gives up leadership or a campaign; waits a full timeout before the next.</summary>
    public void StepDown()
    {
        _election.StepDown();
        Settle();
    }

    /// <summary>
    /// Until <see cref="AllowLeading"/> this replica must not lead, for its state machine stands still. It votes and takes entries as ever,
    /// but does not campaign of itself, not even when its leader asks it to; only where a candidate's log is behind its own, for its log
    /// may be the only whole one that lives. As leader it hands leadership to the voter whose log is nearest to its own, so that entries
    /// only it has are not cut, waits while that one catches up, tries the next, and steps down when nobody takes over.
    /// </summary>
    public void ForbidLeading(long nowMs)
    {
        SeeTime(nowMs);
        _standing.MayLead = false;
        _leadership.ForgetFailedTransfers();
        if (_standing.Leads && (_leadership.IsBeginning || _leadership.TransferToNearest(nowMs))) return;
        if (_standing.Leads || _standing.Campaigns) StepDown();
    }

    public void AllowLeading() => _standing.MayLead = true;

    /// <summary>
    /// What another channel (the node-level heartbeats) says about the group: there is a <paramref name="term"/>, led by
    /// <paramref name="leader"/> (None if that is not known). A higher term ends leadership here; a leader of the own term becomes known.
    /// </summary>
    public void Observe(Term term, ReplicaId leader, long nowMs)
    {
        SeeTime(nowMs);
        if (term.Value > RaftMessage.LargestNumber || leader == Self) return;
        if (term > Term) _election.BecomeFollower(term, nowMs);
        if (term == Term && !leader.IsNone) Follow(leader);
        Settle();
    }

    /// <summary>
    /// A snapshot replaced the state: it is at (index, term) and durable, the configuration is the snapshot's. The driver applies
    /// nothing while it installs. Returns true if the log after the index was kept, because it holds that very entry; if not, the log
    /// is empty now, and the driver empties its own.
    /// </summary>
    public bool OnSnapshotInstalled(LogIndex index, Term term, RaftConfiguration configuration)
    {
        if (_standing.Leads) StepDown();
        var kept = _log.InstallSnapshot(index, term, Term);
        ApplyConfiguration(configuration);
        if (!Leader.IsNone) _followership.ConfirmMatch(Leader);
        return kept;
    }

    /// <summary>A snapshot at <paramref name="snapshotIndex"/> reached a follower, or failed to: it is probed from there, or later again from where it was.</summary>
    public void OnSnapshotStatus(ReplicaId to, LogIndex snapshotIndex, bool ok) =>
        _leadership.OnSnapshotStatus(to, snapshotIndex, ok, _nowMs);

    /// <summary>Bytes of the entries that this leader has in its log and that are not committed; 0 when it does not lead.</summary>
    public long UncommittedBytes => Role == RaftRole.Leader ? _leadership.UncommittedBytes : 0;

    /// <summary>There is room again for what was turned away in <see cref="Step"/>: the leader is told, so that it need not ask.</summary>
    public void ReportRoom()
    {
        if (!Leader.IsNone && Leader != Self && _log.Matched > LogIndex.Zero) _followership.ConfirmMatch(Leader);
    }

    /// <summary>Messages under way to a follower may be lost: nothing is sent ahead until it answers again.</summary>
    public void OnUnreachable(ReplicaId to) => _leadership.OnUnreachable(to, _nowMs);

    /// <summary>The way to a follower is open again, or the entries it needs can be read now: it is probed at once, if only to tell it the commit index.</summary>
    public void ResumeReplication(ReplicaId to) => _leadership.Resume(to);

    /// <summary>Forgets entries through <paramref name="through"/>, which must be applied.</summary>
    public void CompactLog(LogIndex through) => _log.CompactThrough(through);

    /// <summary>What this leader knows of a member; false if it does not lead or the replica is no other member.</summary>
    public bool TryGetProgress(ReplicaId replica, out Progress progress) => _leadership.TryGetProgress(replica, out progress);

    /// <summary>Moves the work that has come up into <paramref name="ready"/>, replacing what was in it.</summary>
    public void TakeReady(RaftReady ready)
    {
        ready.Clear();
        ready.NoOpIndex = _leadership.TakeNoOp();
        if (_standing.Leads) _leadership.Send(_nowMs);
        ready.Messages.AddRange(_outbox.Messages);
        ready.ConfirmedReads.AddRange(_leadership.ConfirmedReads);
        ready.NeedSnapshot.AddRange(_leadership.NeedSnapshot);
        if (HardState != _takenHardState)
        {
            ready.HardState = HardState;
            ready.MustPersistHardState = Term != _takenHardState.Term || _standing.Vote != _takenHardState.Vote;
        }

        ready.CommitThrough = _log.Applicable;
        ready.ReadsLost = _readsLost;
        ready.RoleChanged = Role != _takenRole || Leader != _takenLeader;
        ClearTaken();
    }

    private void ClearTaken()
    {
        _outbox.Messages.Clear();
        _leadership.ConfirmedReads.Clear();
        _leadership.NeedSnapshot.Clear();
        _takenHardState = HardState;
        _takenCommit = _log.Applicable;
        _takenRole = Role;
        _takenLeader = Leader;
        _readsLost = false;
    }

    private ProposeResult Propose(int size, bool isConfiguration, out LogIndex index)
    {
        if (_standing.Leads) return _leadership.Propose(size, isConfiguration, out index);
        index = LogIndex.Zero;
        return ProposeResult.NotLeader;
    }

    // A pre-vote changes nobody's term, and neither does a vote that a live leader did not ask for: a replica that was cut off must not
    // depose the leader when it comes back (thesis, 4.2.3).
    private bool TryAnswerInAnyTerm(in RaftMessage message)
    {
        switch (message.Type)
        {
            case RaftMessageType.PreVote:
                _election.OnPreVote(message, _nowMs);
                return true;
            case RaftMessageType.PreVoteReply when message.Reject == RejectReason.None:
                _election.OnReply(message, _nowMs);
                return true;
            case RaftMessageType.Vote when message.Term > Term && _standing.IsLed && !message.Transfer:
                _election.Deny(message, RejectReason.LeaderAlive);
                return true;
            default:
                return false;
        }
    }

    private void OnOwnTerm(in RaftMessage message)
    {
        switch (message.Type)
        {
            case RaftMessageType.Vote:
                _election.OnVote(message, _nowMs);
                break;
            case RaftMessageType.PreVoteReply or RaftMessageType.VoteReply:
                _election.OnReply(message, _nowMs);
                break;
            case RaftMessageType.AppendReply when _standing.Leads:
                if (!_leadership.OnAppendReply(message, _nowMs)) IgnoredMessages++;
                break;
            case RaftMessageType.ReadConfirm when Follow(message.From):
                _followership.ConfirmRead(message);
                break;
            case RaftMessageType.ReadConfirmReply when _standing.Leads:
                _leadership.OnReadConfirmReply(message);
                break;
            case RaftMessageType.TimeoutNow when Follow(message.From):
                _election.Campaign(_nowMs, transfer: true);
                break;
        }
    }

    // A leader of an old term must hear of the new one, or it would go on; a candidate must, or it would ask again for ever. A denial
    // comes from a replica that did not follow the candidate into its term.
    private void OnOldTerm(in RaftMessage message)
    {
        switch (message.Type)
        {
            case RaftMessageType.Append or RaftMessageType.ReadConfirm:
                _followership.Refuse(message);
                break;
            case RaftMessageType.Vote:
                _election.Deny(message, RejectReason.AlreadyVoted);
                break;
            case RaftMessageType.PreVoteReply or RaftMessageType.VoteReply when message.Reject != RejectReason.None:
                _election.OnReply(message, _nowMs);
                break;
        }
    }

    private AppendDecision OnAppend(in RaftMessage message, ReadOnlySpan<EntryMeta> entries, int room)
    {
        if (!Follow(message.From)) return default;
        if (!_followership.TryAppend(message, entries, room, out var decision)) IgnoredMessages++;
        return decision;
    }

    private bool Follow(ReplicaId leader)
    {
        if (_election.TryFollow(leader, _nowMs)) return true;
        IgnoredMessages++;
        return false;
    }

    /// <summary>Leadership begins and ends with the role.</summary>
    private void Settle()
    {
        if (_standing.Leads == _leadership.IsActive) return;
        if (_standing.Leads) _leadership.Begin();
        else _readsLost |= _leadership.End();
    }

    private void SeeTime(long nowMs) => _nowMs = Math.Max(_nowMs, nowMs);

    private bool MayAsk(in RaftMessage message) =>
        message.Type is not (RaftMessageType.PreVote or RaftMessageType.Vote)
        || (!Configuration.IsEmpty && (Configuration.IsVoter(message.From) || message.Index > Configuration.Index));
}

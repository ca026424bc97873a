using KvStore.Core.Primitives;

namespace KvStore.Core.Raft;

/// <summary>
/// How leaders come and go: the timer, the replica's own campaigns, its answers to those of others (Raft paper, 5.2 and 5.4.1; thesis,
/// 9.6 for pre-votes), and the recognition of a leader. It decides the role in <see cref="Standing"/>.
/// </summary>
internal sealed class Election(RaftOptions options, Standing standing, ReplicaLog log, Outbox outbox, Prng random)
{
    private readonly ElectionTimer _timer = new(options, random);
    private readonly VoteTally _tally = new();
    private ulong _preVoteRound;

    /// <summary>long.MaxValue while no campaign is to come.</summary>
    public long DeadlineMs => IsTimed ? _timer.DeadlineMs : long.MaxValue;

    private bool IsTimed => !standing.IsLed && standing.Role != RaftRole.Learner && standing.MayLead;

    /// <summary>Ends a campaign if a leader lives; otherwise the next tick starts a full timeout.</summary>
    public void SetLeaderAlive(bool alive)
    {
        if (standing.LeaderAlive == alive) return;
        standing.LeaderAlive = alive;
        _timer.Clear();
        if (alive && standing.Campaigns) standing.Role = standing.RoleAtRest;
    }

    public void CampaignAt(long atMs) => _timer.Set(atMs);

    public void Tick(long nowMs)
    {
        if (IsTimed && _timer.HasExpired(nowMs)) Campaign(nowMs, transfer: false);
    }

    public void Campaign(long nowMs, bool transfer)
    {
        if (standing.MayLead) Stand(nowMs, transfer);
    }

    private void Stand(long nowMs, bool transfer)
    {
        if (standing.Leads || !standing.Configuration.IsVoter(standing.Self) || (standing.LeaderAlive && !transfer)) return;
        if (log.HasUnappliedConfiguration) _timer.PutOff(nowMs);
        else if (transfer) BecomeCandidate(nowMs, transfer: true);
        else BecomePreCandidate(nowMs);
    }

    /// <summary>A higher term was seen.</summary>
    public void BecomeFollower(Term term, long nowMs)
    {
        var (campaigned, led) = (standing.Campaigns, standing.IsLed);
        EnterTerm(term, ReplicaId.None);
        standing.Role = standing.RoleAtRest;
        if (campaigned || led) _timer.Clear();
        if (campaigned) _timer.Retry(nowMs, RejectReason.AlreadyVoted);
    }

    /// <summary>A leader of the present term shows itself. False if there is another already.</summary>
    public bool TryFollow(ReplicaId leader, long nowMs)
    {
        if (standing.Leads || (!standing.Leader.IsNone && standing.Leader != leader)) return false;
        standing.Leader = leader;
        standing.Role = standing.RoleAtRest;
        _timer.OnLeader();
        _timer.Restart(nowMs);
        return true;
    }

    public void StepDown()
    {
        if (standing.Leads) standing.Leader = ReplicaId.None;
        standing.Role = standing.RoleAtRest;
        _timer.Clear();
    }

    public void OnPreVote(in RaftMessage question, long nowMs)
    {
        if (standing.IsLed) Deny(question, RejectReason.LeaderAlive);
        else if (!log.IsCoveredBy(question.Index, question.LogTerm)) DenyAndCampaign(question, nowMs);
        else if (question.Term <= standing.Term) Deny(question, RejectReason.AlreadyVoted);
        else outbox.Grant(question, standing.AfterTermDurable);
    }

    public void OnVote(in RaftMessage question, long nowMs)
    {
        var isFree = standing.Vote == question.From || (standing.Vote.IsNone && standing.Leader.IsNone);
        if (!isFree || !log.IsCoveredBy(question.Index, question.LogTerm))
        {
            Deny(question, isFree ? RejectReason.LogBehind : RejectReason.AlreadyVoted);
            return;
        }

        standing.Vote = question.From;
        if (standing.Role == RaftRole.PreCandidate) standing.Role = standing.RoleAtRest;
        _timer.Restart(nowMs);
        outbox.Grant(question, afterDurable: true);
    }

    public void Deny(in RaftMessage question, RejectReason reason) =>
        outbox.Deny(question, standing.Term, reason, standing.AfterTermDurable);

    /// <summary>Counts an answer to the campaign under way, if it is one; a denial brings the next campaign nearer.</summary>
    public void OnReply(in RaftMessage reply, long nowMs)
    {
        var isPreVote = reply.Type == RaftMessageType.PreVoteReply;
        if (standing.Role != (isPreVote ? RaftRole.PreCandidate : RaftRole.Candidate)) return;
        if (reply.Context != (isPreVote ? _preVoteRound : standing.Term.Value)) return;
        var granted = reply.Reject == RejectReason.None;
        _tally.Record(reply.From, granted);
        if (!granted) _timer.Retry(nowMs, reply.Reject);
        Decide(nowMs);
    }

    /// <summary>The own vote counts from when it is durable.</summary>
    public void OnHardStateDurable(Term term, long nowMs)
    {
        if (standing.Role != RaftRole.Candidate || term != standing.Term) return;
        _tally.Record(standing.Self, granted: true);
        Decide(nowMs);
    }

    // The asker may be unable to win, and this replica able: no need to wait for a timer. Logs are ordered, so this goes one way only. Even a
    // replica that may not lead stands here: nobody else may have what it has. It has no timer, so if its questions were lost it is the
    // asker's next one that makes it ask again.
    private void DenyAndCampaign(in RaftMessage question, long nowMs)
    {
        Deny(question, RejectReason.LogBehind);
        if (standing.Role == RaftRole.Follower || !standing.MayLead) Stand(nowMs, transfer: false);
    }

    private void Decide(long nowMs)
    {
        if (_tally.IsLost(standing.Configuration))
        {
            standing.Role = standing.RoleAtRest;
        }
        else if (_tally.IsWon(standing.Configuration))
        {
            if (standing.Role == RaftRole.PreCandidate) BecomeCandidate(nowMs, transfer: false);
            else BecomeLeader();
        }
    }

    // The own pre-vote counts at once: it promises nothing.
    private void BecomePreCandidate(long nowMs)
    {
        standing.Role = RaftRole.PreCandidate;
        standing.Leader = ReplicaId.None;
        var question = new RaftMessage { Type = RaftMessageType.PreVote, Term = standing.Term.Next, Context = ++_preVoteRound };
        Ask(question, standing.AfterTermDurable, nowMs);
        _tally.Record(standing.Self, granted: true);
        Decide(nowMs);
    }

    private void BecomeCandidate(long nowMs, bool transfer)
    {
        EnterTerm(standing.Term.Next, standing.Self);
        standing.Role = RaftRole.Candidate;
        var term = standing.Term;
        Ask(new RaftMessage { Type = RaftMessageType.Vote, Term = term, Context = term.Value, Transfer = transfer }, afterDurable: true, nowMs);
    }

    private void BecomeLeader()
    {
        standing.Role = RaftRole.Leader;
        standing.Leader = standing.Self;
        _timer.OnLeader();
    }

    private void EnterTerm(Term term, ReplicaId vote)
    {
        standing.EnterTerm(term, vote);
        log.ForgetMatch();
    }

    private void Ask(RaftMessage question, bool afterDurable, long nowMs)
    {
        _tally.Clear();
        _timer.StartCampaign(nowMs);
        question = question with { Index = log.Entries.LastIndex, LogTerm = log.Entries.LastTerm };
        var configuration = standing.Configuration;
        foreach (var voter in configuration.Voters)
            if (voter.Replica != standing.Self) outbox.Send(voter.Replica, question, afterDurable);
        foreach (var voter in configuration.VotersOutgoing)
            if (voter.Replica != standing.Self && !configuration.Voters.Contains(voter)) outbox.Send(voter.Replica, question, afterDurable);
    }
}

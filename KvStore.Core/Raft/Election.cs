using KvStore.Core.Primitives;

namespace KvStore.Core.Raft;

/// <summary>A replica's own campaigns: when they start, whom they ask, and how the answers stand (Raft paper, 5.2; thesis, 9.6).</summary>
internal sealed class Election(RaftOptions options, ReplicaId self, RaftLog log, Outbox outbox, Prng random)
{
    private readonly VoteTally _tally = new();
    private ulong _preVoteRound;

    public ElectionTimer Timer { get; } = new(options, random);

    /// <summary>Asks whether <paramref name="nextTerm"/> could be won. The own answer counts at once: it promises nothing.</summary>
    public void AskPreVotes(RaftConfiguration configuration, Term nextTerm, long nowMs, bool afterDurable)
    {
        var question = new RaftMessage { Type = RaftMessageType.PreVote, Term = nextTerm, Context = ++_preVoteRound };
        Ask(configuration, question, nowMs, afterDurable);
        RecordOwnVote();
    }

    /// <summary>Asks for votes in <paramref name="term"/>, once that and the own vote in it are durable.</summary>
    public void AskVotes(RaftConfiguration configuration, Term term, bool transfer, long nowMs)
    {
        var question = new RaftMessage { Type = RaftMessageType.Vote, Term = term, Context = term.Value, Transfer = transfer };
        Ask(configuration, question, nowMs, afterDurable: true);
    }

    public void RecordOwnVote() => _tally.Record(self, granted: true);

    /// <summary>Counts an answer; a denial brings the next campaign nearer. False if it answers another question.</summary>
    public bool Record(in RaftMessage reply, Term term, long nowMs)
    {
        var round = reply.Type == RaftMessageType.PreVoteReply ? _preVoteRound : term.Value;
        if (reply.Context != round) return false;
        var granted = reply.Reject == RejectReason.None;
        _tally.Record(reply.From, granted);
        if (!granted) Timer.Retry(nowMs, reply.Reject);
        return true;
    }

    public bool IsWon(RaftConfiguration configuration) => _tally.IsWon(configuration);

    public bool IsLost(RaftConfiguration configuration) => _tally.IsLost(configuration);

    private void Ask(RaftConfiguration configuration, RaftMessage question, long nowMs, bool afterDurable)
    {
        _tally.Clear();
        Timer.StartCampaign(nowMs);
        question = question with { Index = log.LastIndex, LogTerm = log.LastTerm };
        foreach (var voter in configuration.Voters)
            if (voter.Replica != self) outbox.Send(voter.Replica, question, afterDurable);
        foreach (var voter in configuration.VotersOutgoing)
            if (voter.Replica != self && !configuration.Voters.Contains(voter)) outbox.Send(voter.Replica, question, afterDurable);
    }
}

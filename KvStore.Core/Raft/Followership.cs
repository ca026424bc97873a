using KvStore.Core.Primitives;

namespace KvStore.Core.Raft;

/// <summary>
/// What a replica answers to the leader of its term. <c>afterTermDurable</c>: the term is not on disk yet, so what tells it must wait.
/// </summary>
internal sealed class Followership(ReplicaLog log, Outbox outbox)
{
    /// <summary>Takes an append or refuses it. False, and no answer, if no correct leader sends this.</summary>
    public bool TryAppend(
        in RaftMessage append, ReadOnlySpan<EntryMeta> entries, Term term, bool afterTermDurable, out AppendDecision decision)
    {
        decision = default;
        if (!log.HasPrevious(append))
        {
            Refuse(append, term, afterTermDurable);
            return true;
        }

        if (!log.TryAccept(append, entries, term, out decision)) return false;
        ConfirmMatch(append.From, term, afterTermDurable);
        return true;
    }

    /// <summary>Acknowledges everything that matches the leader's log; what of it is not durable holds the message back.</summary>
    public void ConfirmMatch(ReplicaId leader, Term term, bool afterTermDurable)
    {
        var reply = new RaftMessage { Type = RaftMessageType.AppendReply, Term = term, Index = log.Matched, Commit = log.Commit };
        outbox.Send(leader, reply, afterTermDurable || log.Matched > log.Durable);
    }

    /// <summary>Confirms that this replica follows the asking leader now.</summary>
    public void ConfirmRead(in RaftMessage question, Term term, bool afterTermDurable)
    {
        log.RaiseCommit(LogIndex.Min(question.Commit, log.Matched));
        var reply = new RaftMessage
        {
            Type = RaftMessageType.ReadConfirmReply, Term = term, Commit = log.Commit, Context = question.Context,
        };
        outbox.Send(question.From, reply, afterTermDurable);
    }

    /// <summary>
    /// Refuses an append, or tells the sender of the newer term. The hint is the last entry that may agree: below the one refused, not
    /// of a later term, and not below the commit index, where all logs agree (Raft paper, 5.3, end).
    /// </summary>
    public void Refuse(in RaftMessage append, Term term, bool afterTermDurable)
    {
        var below = append.Index == LogIndex.Zero ? append.Index : append.Index.Previous;
        var hint = LogIndex.Max(log.Entries.LastAtOrBelow(below, append.LogTerm), log.Commit);
        var reply = new RaftMessage
        {
            Type = RaftMessageType.AppendReply,
            Term = term,
            Index = append.Index,
            Commit = log.Commit,
            Reject = RejectReason.LogMismatch,
            Hint = hint,
            LogTerm = log.Entries.TermAt(hint),
        };
        outbox.Send(append.From, reply, afterTermDurable);
    }
}

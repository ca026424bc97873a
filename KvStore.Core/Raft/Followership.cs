using KvStore.Core.Primitives;

namespace KvStore.Core.Raft;

/// <summary>What a replica answers to the leader of its term.</summary>
internal sealed class Followership(Standing standing, ReplicaLog log, Outbox outbox)
{
    /// <summary>Takes an append, as much of it as there is room for, or refuses it. False, and no answer, if no correct leader sends this.</summary>
    public bool TryAppend(in RaftMessage append, ReadOnlySpan<EntryMeta> entries, int room, out AppendDecision decision)
    {
        decision = default;
        if (!log.HasPrevious(append))
        {
            Refuse(append);
            return true;
        }

        var taken = entries[..Math.Min(room, entries.Length)];
        if (!log.TryAccept(append, taken, standing.Term, out decision)) return false;
        if (taken.Length < entries.Length) ReportBusy(append, taken.Length);
        if (taken.Length > 0 || entries.IsEmpty) ConfirmMatch(append.From);
        return true;
    }

    /// <summary>Acknowledges everything that matches the leader's log; what of it is not durable holds the message back.</summary>
    public void ConfirmMatch(ReplicaId leader)
    {
        var reply = new RaftMessage { Type = RaftMessageType.AppendReply, Term = standing.Term, Index = log.Matched, Commit = log.Commit };
        outbox.Send(leader, reply, standing.AfterTermDurable || log.Matched > log.Durable);
    }

    private void ReportBusy(in RaftMessage append, int taken)
    {
        var reply = new RaftMessage
        {
            Type = RaftMessageType.AppendReply,
            Term = standing.Term,
            Index = append.Index + (ulong)taken,
            Commit = log.Commit,
            Reject = RejectReason.Busy,
        };
        outbox.Send(append.From, reply, standing.AfterTermDurable);
    }

    /// <summary>Confirms that this replica follows the asking leader now.</summary>
    public void ConfirmRead(in RaftMessage question)
    {
        log.RaiseCommit(LogIndex.Min(question.Commit, log.Matched));
        var reply = new RaftMessage
        {
            Type = RaftMessageType.ReadConfirmReply,
            Term = standing.Term,
            Commit = log.Commit,
            Context = question.Context,
        };
        outbox.Send(question.From, reply, standing.AfterTermDurable);
    }

    /// <summary>
    /// Refuses an append, or tells the sender of the newer term. The hint is the last entry that may agree: below the one refused, not
    /// of a later term, and not below the commit index, where all logs agree (Raft paper, 5.3, end).
    /// </summary>
    public void Refuse(in RaftMessage append)
    {
        var below = append.Index == LogIndex.Zero ? append.Index : append.Index.Previous;
        var hint = LogIndex.Max(log.Entries.LastAtOrBelow(below, append.LogTerm), log.Commit);
        var reply = new RaftMessage
        {
            Type = RaftMessageType.AppendReply,
            Term = standing.Term,
            Index = append.Index,
            Commit = log.Commit,
            Reject = RejectReason.LogMismatch,
            Hint = hint,
            LogTerm = log.Entries.TermAt(hint),
        };
        outbox.Send(append.From, reply, standing.AfterTermDurable);
    }
}

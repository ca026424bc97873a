using KvStore.Core.Primitives;

namespace KvStore.Core.Raft;

/// <summary>
/// A message between two replicas of a group: all types share one shape, and a type ignores the fields it does not name. Entries travel
/// beside it: the driver adds those of an <see cref="RaftMessageType.Append"/> to what it puts on the wire.
/// </summary>
public readonly record struct RaftMessage
{
    public RaftMessageType Type { get; init; }

    public ReplicaId From { get; init; }

    public ReplicaId To { get; init; }

    /// <summary>The sender's term; in PreVote and a granted PreVoteReply the term the candidate would campaign in.</summary>
    public Term Term { get; init; }

    /// <summary>Append: the index before the first entry. PreVote, Vote: the candidate's last index. AppendReply: the index through which the log matches the leader's, the rejected previous index, or the index before the first entry there was no room for.</summary>
    public LogIndex Index { get; init; }

    /// <summary>Append: the term at <see cref="Index"/>. PreVote, Vote: the candidate's last term. Rejecting AppendReply: the term at <see cref="Hint"/>.</summary>
    public Term LogTerm { get; init; }

    /// <summary>Append: the leader's commit index. ReadConfirm: the same, bounded by what the receiver is known to have. Their replies: the follower's commit index.</summary>
    public LogIndex Commit { get; init; }

    /// <summary>Append: entries Index + 1 to Index + EntryCount follow.</summary>
    public int EntryCount { get; init; }

    /// <summary>Replies: None if granted or accepted.</summary>
    public RejectReason Reject { get; init; }

    /// <summary>Rejecting AppendReply: the highest index at which the logs may agree.</summary>
    public LogIndex Hint { get; init; }

    /// <summary>ReadConfirm: the round. PreVote: the number of the campaign. Vote: the candidate's term. Echoed by the reply.</summary>
    public ulong Context { get; init; }

    /// <summary>Vote: asked for by the leader itself, so that a live leader is no reason to refuse.</summary>
    public bool Transfer { get; init; }

    /// <summary>Beyond this no honest number lies; without a bound one bad message could make a term that has no next one.</summary>
    internal const ulong LargestNumber = ulong.MaxValue >> 2;

    /// <summary>Whether a correct replica could have sent this to <paramref name="receiver"/> with these entries.</summary>
    internal bool IsWellFormed(ReplicaId receiver, ReadOnlySpan<EntryMeta> entries)
    {
        if (To != receiver || From.IsNone || From == receiver) return false;
        if (Type is < RaftMessageType.PreVote or > RaftMessageType.TimeoutNow || Reject > RejectReason.Busy) return false;
        if ((Term.Value | LogTerm.Value | Index.Value | Commit.Value | Hint.Value) > LargestNumber) return false;
        if (EntryCount != entries.Length) return false;
        if (Type != RaftMessageType.Append) return entries.IsEmpty;
        var term = LogTerm;
        foreach (ref readonly var entry in entries)
        {
            if (entry.Term < term || entry.Size < 0) return false;
            term = entry.Term;
        }

        return term <= Term;
    }
}

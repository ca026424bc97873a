namespace KvStore.Core.Raft;

/// <summary>The kinds of message between the replicas of a group. The numbers are on the wire.</summary>
public enum RaftMessageType : byte
{
    PreVote = 1,
    PreVoteReply,
    Vote,
    VoteReply,
    Append,
    AppendReply,

    /// <summary>Leader to voters: am I still your leader? Confirms one round of reads (thesis, 6.4).</summary>
    ReadConfirm,
    ReadConfirmReply,

    /// <summary>Leader to the replica that shall take over: campaign now (thesis, 3.10).</summary>
    TimeoutNow,
}

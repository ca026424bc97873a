namespace KvStore.Core.Raft;

/// <summary>Why a reply says no. None means that it says yes. The numbers are on the wire.</summary>
public enum RejectReason : byte
{
    None,

    /// <summary>Votes: the replica hears a leader in its own term, or is that leader.</summary>
    LeaderAlive,

    /// <summary>Votes: the candidate's log is older than the voter's (Raft paper, 5.4.1).</summary>
    LogBehind,

    /// <summary>Votes: the voter's vote in this term is taken, or the term is over.</summary>
    AlreadyVoted,

    /// <summary>Appends: the entry before the first one sent is not in the log, or the sender's term is over.</summary>
    LogMismatch,

    /// <summary>Appends: the receiver has no room for more entries now.</summary>
    Busy,
}

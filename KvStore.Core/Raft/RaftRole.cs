namespace KvStore.Core.Raft;

/// <summary>What a replica is doing in its group at present.</summary>
public enum RaftRole : byte
{
    Follower,

    /// <summary>Asks whether it could win an election, without touching anybody's term (Ongaro's thesis, 9.6).</summary>
    PreCandidate,

    Candidate,
    Leader,

    /// <summary>A follower that is no voter in the configuration it knows: it receives appends and never campaigns.</summary>
    Learner,
}

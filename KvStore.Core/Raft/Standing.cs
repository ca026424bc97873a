using KvStore.Core.Primitives;

namespace KvStore.Core.Raft;

/// <summary>Where a replica stands in its group: term, vote, role, the leader it knows, the configuration it acts by.</summary>
internal sealed class Standing
{
    public Standing(ReplicaId self, RaftConfiguration configuration, HardState hardState, Term lastLogTerm)
    {
        Self = self;
        Configuration = configuration;

        // Entries can reach the disk just before the hard state that goes with them: they prove the term, and no vote in it was sent.
        DurableTerm = hardState.Term;
        Term = hardState.Term < lastLogTerm ? lastLogTerm : hardState.Term;
        Vote = Term == hardState.Term ? hardState.Vote : ReplicaId.None;
        Role = RoleAtRest;
    }

    public ReplicaId Self { get; }

    public RaftConfiguration Configuration { get; set; }

    public Term Term { get; private set; }

    public ReplicaId Vote { get; set; }

    /// <summary>The term that the disk holds.</summary>
    public Term DurableTerm { get; set; }

    public RaftRole Role { get; set; }

    public ReplicaId Leader { get; set; }

    public bool LeaderAlive { get; set; }

    /// <summary>False: this replica does not campaign.</summary>
    public bool MayLead { get; set; } = true;

    public bool Leads => Role == RaftRole.Leader;

    public bool Campaigns => Role is RaftRole.PreCandidate or RaftRole.Candidate;

    public RaftRole RoleAtRest => Configuration.IsVoter(Self) ? RaftRole.Follower : RaftRole.Learner;

    public bool IsLed => Leads || LeaderAlive;

    /// <summary>A message tells the sender's term. Said before that is durable, it could be taken back by a crash.</summary>
    public bool AfterTermDurable => DurableTerm != Term;

    public void EnterTerm(Term term, ReplicaId vote)
    {
        Term = term;
        Vote = vote;
        Leader = ReplicaId.None;
        LeaderAlive = false;
    }
}

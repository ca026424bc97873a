using System.Collections.Immutable;
using KvStore.Core.Primitives;

namespace KvStore.Core.Raft;

/// <summary>
/// One step from a configuration to the next. Steps are made so that every majority of the one meets every majority of the other: a
/// simple step changes at most one voter (thesis, 4.1), any other goes through a joint configuration (Raft paper, section 6). The entry
/// in the log holds the resulting configuration, not the step.
/// </summary>
public readonly record struct ConfigurationChange
{
    private ConfigurationChange(ConfigurationChangeKind kind, Member member, ImmutableArray<Member> voters)
    {
        Kind = kind;
        Member = member;
        Voters = voters;
    }

    public ConfigurationChangeKind Kind { get; }

    /// <summary>The member that AddLearner, Promote and Remove are about; the last two look at its replica id only.</summary>
    public Member Member { get; }

    /// <summary>The voters that EnterJoint leads to.</summary>
    public ImmutableArray<Member> Voters { get; }

    public static ConfigurationChange AddLearner(Member member) => new(ConfigurationChangeKind.AddLearner, member, []);

    public static ConfigurationChange Promote(ReplicaId replica) =>
        new(ConfigurationChangeKind.Promote, new Member(NodeId.None, 0, replica), []);

    public static ConfigurationChange Remove(ReplicaId replica) =>
        new(ConfigurationChangeKind.Remove, new Member(NodeId.None, 0, replica), []);

    public static ConfigurationChange EnterJoint(params ImmutableArray<Member> voters) =>
        new(ConfigurationChangeKind.EnterJoint, default, voters);

    public static ConfigurationChange LeaveJoint() => new(ConfigurationChangeKind.LeaveJoint, default, []);

    /// <summary>Why <paramref name="change"/> cannot follow <paramref name="current"/>, in words for the operator; null if it can.</summary>
    public static string? Refusal(RaftConfiguration current, ConfigurationChange change)
    {
        if (current.IsEmpty) return "the group has no configuration yet";
        var replica = change.Member.Replica;
        if (change.Kind == ConfigurationChangeKind.LeaveJoint) return current.IsJoint ? null : "the configuration is not joint";
        if (current.IsJoint) return "a joint configuration must be left first";
        return change.Kind switch
        {
            ConfigurationChangeKind.AddLearner when replica.IsNone => "a member needs a replica id",
            ConfigurationChangeKind.AddLearner when current.Contains(replica) => $"{replica} is a member already",
            ConfigurationChangeKind.AddLearner when current.Learners.Length == RaftConfiguration.MaxMembers => "too many learners",
            ConfigurationChangeKind.AddLearner => null,
            ConfigurationChangeKind.Promote => IsLearner(current, replica) ? null : $"{replica} is no learner",
            ConfigurationChangeKind.Remove when !current.Contains(replica) => $"{replica} is no member",
            ConfigurationChangeKind.Remove when current.IsVoter(replica) && current.Voters.Length == 1 => $"{replica} is the last voter",
            ConfigurationChangeKind.Remove => null,
            ConfigurationChangeKind.EnterJoint => JointRefusal(current, change.Voters),
            _ => "unknown kind of change",
        };
    }

    /// <summary>The configuration after the change; its index is 0 until the entry has one (<see cref="RaftConfiguration.At"/>). The change must not be refused.</summary>
    public static RaftConfiguration Apply(RaftConfiguration current, ConfigurationChange change)
    {
        if (Refusal(current, change) is { } reason) Invariant.Fail($"configuration change: {reason}");
        var replica = change.Member.Replica;
        var (voters, outgoing, learners) = (current.Voters, current.VotersOutgoing, current.Learners);
        switch (change.Kind)
        {
            case ConfigurationChangeKind.AddLearner:
                learners = learners.Add(change.Member);
                break;
            case ConfigurationChangeKind.Promote:
                voters = voters.Add(learners.Single(m => m.Replica == replica));
                learners = learners.RemoveAll(m => m.Replica == replica);
                break;
            case ConfigurationChangeKind.Remove:
                voters = voters.RemoveAll(m => m.Replica == replica);
                learners = learners.RemoveAll(m => m.Replica == replica);
                break;
            case ConfigurationChangeKind.EnterJoint:
                outgoing = voters;
                voters = change.Voters;
                learners = learners.RemoveAll(m => change.Voters.Contains(m));
                break;
            case ConfigurationChangeKind.LeaveJoint:
                outgoing = [];
                break;
        }

        return new RaftConfiguration(voters, outgoing, learners, LogIndex.Zero);
    }

    private static bool IsLearner(RaftConfiguration current, ReplicaId replica) =>
        current.Contains(replica) && !current.IsVoter(replica);

    private static string? JointRefusal(RaftConfiguration current, ImmutableArray<Member> voters)
    {
        if (voters.IsDefaultOrEmpty) return "a configuration needs a voter";
        if (voters.Length > RaftConfiguration.MaxMembers) return "too many voters";
        foreach (var voter in voters)
        {
            if (voters.Count(m => m.Replica == voter.Replica) > 1) return $"{voter.Replica} is named twice";
            if (current.Find(voter.Replica) != voter) return $"{voter.Replica} is neither a voter nor a learner";
        }

        return null;
    }
}

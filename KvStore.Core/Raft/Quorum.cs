using System.Collections.Immutable;
using KvStore.Core.Primitives;

namespace KvStore.Core.Raft;

/// <summary>Majorities of a configuration; of both halves while it is joint.</summary>
internal static class Quorum
{
    /// <summary>Whether the replicas in <paramref name="present"/> are a majority.</summary>
    public static bool IsMajority(RaftConfiguration configuration, ReadOnlySpan<ReplicaId> present) =>
        IsMajority(configuration, ReplicaId.None, present);

    /// <summary>Whether the replicas in <paramref name="others"/> and <paramref name="self"/> are a majority.</summary>
    public static bool IsMajority(RaftConfiguration configuration, ReplicaId self, ReadOnlySpan<ReplicaId> others) =>
        IsMajority(configuration.Voters, self, others)
        && (!configuration.IsJoint || IsMajority(configuration.VotersOutgoing, self, others));

    /// <summary>Whether without the replicas in <paramref name="absent"/> no majority is left.</summary>
    public static bool IsBlocked(RaftConfiguration configuration, ReadOnlySpan<ReplicaId> absent) =>
        IsBlocked(configuration.Voters, absent)
        || (configuration.IsJoint && IsBlocked(configuration.VotersOutgoing, absent));

    /// <summary>The highest value that a majority of the sorted-in-place <paramref name="values"/> reaches.</summary>
    public static ulong MajorityValue(Span<ulong> values)
    {
        values.Sort();
        return values[(values.Length - 1) / 2];
    }

    private static bool IsMajority(ImmutableArray<Member> voters, ReplicaId self, ReadOnlySpan<ReplicaId> others) =>
        Count(voters, self, others) > voters.Length / 2;

    private static bool IsBlocked(ImmutableArray<Member> voters, ReadOnlySpan<ReplicaId> absent) =>
        voters.Length - Count(voters, ReplicaId.None, absent) <= voters.Length / 2;

    private static int Count(ImmutableArray<Member> voters, ReplicaId self, ReadOnlySpan<ReplicaId> others)
    {
        var count = 0;
        foreach (var voter in voters)
            if (voter.Replica == self || others.Contains(voter.Replica)) count++;
        return count;
    }
}

using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Immutable;
using KvStore.Core.Primitives;

namespace KvStore.Core.Raft;

/// <summary>
/// Who belongs to a group: an immutable value, the payload of a configuration entry. While <see cref="VotersOutgoing"/> is not empty it
/// is joint: votes, commits, read confirmations and check-quorum need a majority of both halves (Raft paper, section 6). It takes effect
/// on a replica when its entry is applied there. Members are kept in the order of their replica ids.
/// </summary>
public sealed class RaftConfiguration : IEquatable<RaftConfiguration>
{
    /// <summary>The most members of one list.</summary>
    public const int MaxMembers = 32;

    private const int MemberBytes = 18;

    /// <summary>The configuration of a replica that has not heard of one: it never votes.</summary>
    public static readonly RaftConfiguration Empty = new([], [], [], LogIndex.Zero);

    public RaftConfiguration(
        ImmutableArray<Member> voters, ImmutableArray<Member> votersOutgoing, ImmutableArray<Member> learners, LogIndex index)
    {
        Voters = Ordered(voters);
        VotersOutgoing = Ordered(votersOutgoing);
        Learners = Ordered(learners);
        Index = index;
    }

    public ImmutableArray<Member> Voters { get; }

    /// <summary>The voters before the change under way; empty if there is none.</summary>
    public ImmutableArray<Member> VotersOutgoing { get; }

    public ImmutableArray<Member> Learners { get; }

    /// <summary>The index of the log entry that made it; 0 for the one a group starts with.</summary>
    public LogIndex Index { get; }

    public bool IsJoint => VotersOutgoing.Length > 0;

    public bool IsEmpty => Voters.IsEmpty;

    public static RaftConfiguration Of(params Member[] voters) => new([.. voters], [], [], LogIndex.Zero);

    /// <summary>The same members, made by the entry at <paramref name="index"/>.</summary>
    public RaftConfiguration At(LogIndex index) => new(Voters, VotersOutgoing, Learners, index);

    /// <summary>A voter of either half.</summary>
    public bool IsVoter(ReplicaId replica) => IndexOf(Voters, replica) >= 0 || IndexOf(VotersOutgoing, replica) >= 0;

    public bool Contains(ReplicaId replica) => IsVoter(replica) || IndexOf(Learners, replica) >= 0;

    public Member? Find(ReplicaId replica) => Find(Voters, replica) ?? Find(VotersOutgoing, replica) ?? Find(Learners, replica);

    /// <summary>
    /// Little-endian: index (8 bytes), then for voters, outgoing voters and learners a count (1 byte) and so many members: node (2),
    /// incarnation (8), replica (8).
    /// </summary>
    public void Encode(IBufferWriter<byte> writer)
    {
        var size = 8 + 3 + MemberBytes * (Voters.Length + VotersOutgoing.Length + Learners.Length);
        var span = writer.GetSpan(size);
        BinaryPrimitives.WriteUInt64LittleEndian(span, Index.Value);
        var rest = Write(span[8..], Voters);
        rest = Write(rest, VotersOutgoing);
        Write(rest, Learners);
        writer.Advance(size);
    }

    /// <summary>Reads what <see cref="Encode"/> wrote; throws <see cref="FormatException"/> for anything else.</summary>
    public static RaftConfiguration Decode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 8) throw new FormatException("configuration: truncated");
        var index = new LogIndex(BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        var rest = bytes[8..];
        var voters = Read(ref rest);
        var outgoing = Read(ref rest);
        var learners = Read(ref rest);
        if (!rest.IsEmpty) throw new FormatException("configuration: bytes after the end");
        return new RaftConfiguration(voters, outgoing, learners, index);
    }

    public bool Equals(RaftConfiguration? other) =>
        other is not null && Index == other.Index && Voters.AsSpan().SequenceEqual(other.Voters.AsSpan())
        && VotersOutgoing.AsSpan().SequenceEqual(other.VotersOutgoing.AsSpan())
        && Learners.AsSpan().SequenceEqual(other.Learners.AsSpan());

    public override bool Equals(object? obj) => Equals(obj as RaftConfiguration);

    public override int GetHashCode() => (int)Index.Value * 31 + Voters.Length;

    public override string ToString() =>
        $"voters=({Names(Voters)}){(IsJoint ? $"&({Names(VotersOutgoing)})" : "")}{(Learners.IsEmpty ? "" : $" learners=({Names(Learners)})")}";

    private static string Names(ImmutableArray<Member> members) => string.Join(' ', members.Select(m => m.Replica.Value));

    private static ImmutableArray<Member> Ordered(ImmutableArray<Member> members)
    {
        Invariant.Check(members.Length <= MaxMembers);
        var ordered = members.Sort(static (a, b) => a.Replica.CompareTo(b.Replica));
        for (var i = 1; i < ordered.Length; i++) Invariant.Check(ordered[i - 1].Replica != ordered[i].Replica);
        return ordered;
    }

    private static int IndexOf(ImmutableArray<Member> members, ReplicaId replica)
    {
        for (var i = 0; i < members.Length; i++)
            if (members[i].Replica == replica) return i;
        return -1;
    }

    private static Member? Find(ImmutableArray<Member> members, ReplicaId replica) =>
        IndexOf(members, replica) is var i and >= 0 ? members[i] : null;

    private static Span<byte> Write(Span<byte> span, ImmutableArray<Member> members)
    {
        span[0] = checked((byte)members.Length);
        span = span[1..];
        foreach (var member in members)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(span, member.Node.Value);
            BinaryPrimitives.WriteUInt64LittleEndian(span[2..], member.Incarnation);
            BinaryPrimitives.WriteUInt64LittleEndian(span[10..], member.Replica.Value);
            span = span[MemberBytes..];
        }

        return span;
    }

    private static ImmutableArray<Member> Read(ref ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty || bytes[0] > MaxMembers || bytes.Length < 1 + bytes[0] * MemberBytes)
            throw new FormatException("configuration: truncated or too many members");
        var members = ImmutableArray.CreateBuilder<Member>(bytes[0]);
        var rest = bytes[1..];
        for (var left = bytes[0]; left > 0; left--)
        {
            var member = new Member(
                new NodeId(BinaryPrimitives.ReadUInt16LittleEndian(rest)),
                BinaryPrimitives.ReadUInt64LittleEndian(rest[2..]),
                new ReplicaId(BinaryPrimitives.ReadUInt64LittleEndian(rest[10..])));
            if (members.Any(m => m.Replica == member.Replica)) throw new FormatException("configuration: a member named twice");
            members.Add(member);
            rest = rest[MemberBytes..];
        }

        bytes = rest;
        return members.MoveToImmutable();
    }
}

using System.Buffers;
using System.Collections.Immutable;
using CsCheck;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Raft;

/// <summary>Configurations as values, as bytes, and as steps whose majorities always meet.</summary>
public sealed class RaftConfigurationTests
{
    private static readonly Gen<Member> AnyMember =
        Gen.Select(Gen.UShort[1, 9], Gen.ULong, Gen.ULong[1, 30]).Select((node, incarnation, replica) => new Member(new NodeId(node), incarnation, new ReplicaId(replica)));

    private static readonly Gen<RaftConfiguration> AnyConfiguration =
        Gen.Select(AnyMember.Array[1, 6], AnyMember.Array[0, 4], AnyMember.Array[0, 3], Gen.ULong)
            .Select((v, o, l, i) => new RaftConfiguration(Distinct(v), Distinct(o), Distinct(l), new LogIndex(i)));

    [Test]
    public void Decoding_gives_back_what_was_encoded() => AnyConfiguration.Sample(configuration =>
    {
        var decoded = RaftConfiguration.Decode(Encode(configuration));
        return decoded.Equals(configuration) && decoded.GetHashCode() == configuration.GetHashCode();
    });

    [Test]
    public void Cut_or_longer_bytes_are_refused() => AnyConfiguration.Sample(configuration =>
    {
        var bytes = Encode(configuration);
        for (var length = 0; length < bytes.Length; length++)
            Should.Throw<FormatException>(() => RaftConfiguration.Decode(bytes.AsSpan(0, length)));
        Should.Throw<FormatException>(() => RaftConfiguration.Decode([.. bytes, 0]));
    }, iter: 30);

    [Test]
    public void Garbage_is_refused_or_decoded_but_does_nothing_else() => Gen.Byte.Array[0, 80].Sample(bytes =>
    {
        try
        {
            RaftConfiguration.Decode(bytes);
        }
        catch (FormatException)
        {
        }
    });

    [Test]
    public void The_order_of_members_does_not_matter() =>
        RaftConfiguration.Of(M(3), M(1), M(2)).ShouldBe(RaftConfiguration.Of(M(1), M(2), M(3)));

    [Test]
    public void Steps()
    {
        var three = RaftConfiguration.Of(M(1), M(2), M(3));
        var learning = Apply(three, ConfigurationChange.AddLearner(M(4)));
        learning.IsVoter(R(4)).ShouldBeFalse();
        learning.Contains(R(4)).ShouldBeTrue();
        var joint = Apply(learning, ConfigurationChange.EnterJoint(M(1), M(2), M(4)));
        joint.ToString().ShouldBe("voters=(1 2 4)&(1 2 3)");
        joint.IsVoter(R(3)).ShouldBeTrue();
        var left = Apply(joint, ConfigurationChange.LeaveJoint());
        left.Contains(R(3)).ShouldBeFalse();
        left.Find(R(4)).ShouldBe(M(4));
        Apply(learning, ConfigurationChange.Promote(R(4))).ToString().ShouldBe("voters=(1 2 3 4)");
        Apply(learning, ConfigurationChange.Remove(R(4))).ShouldBe(three);
        three.At(new LogIndex(5)).Index.ShouldBe(new LogIndex(5));
    }

    [Test]
    public void Refusals()
    {
        var three = RaftConfiguration.Of(M(1), M(2), M(3));
        var joint = Apply(three, ConfigurationChange.EnterJoint(M(1), M(2)));
        ConfigurationChange.Refusal(joint, ConfigurationChange.Remove(R(1))).ShouldBe("a joint configuration must be left first");
        ConfigurationChange.Refusal(three, ConfigurationChange.LeaveJoint()).ShouldBe("the configuration is not joint");
        ConfigurationChange.Refusal(three, ConfigurationChange.AddLearner(M(2))).ShouldBe("r2 is a member already");
        ConfigurationChange.Refusal(three, ConfigurationChange.Promote(R(2))).ShouldBe("r2 is no learner");
        ConfigurationChange.Refusal(three, ConfigurationChange.Remove(R(9))).ShouldBe("r9 is no member");
        ConfigurationChange.Refusal(RaftConfiguration.Of(M(1)), ConfigurationChange.Remove(R(1))).ShouldBe("r1 is the last voter");
        ConfigurationChange.Refusal(three, ConfigurationChange.EnterJoint(M(1), M(7))).ShouldBe("r7 is neither a voter nor a learner");
        ConfigurationChange.Refusal(three, ConfigurationChange.EnterJoint(M(1), M(1))).ShouldBe("r1 is named twice");
        ConfigurationChange.Refusal(RaftConfiguration.Empty, ConfigurationChange.AddLearner(M(1))).ShouldBe("the group has no configuration yet");
        Should.Throw<InvariantException>(() => Apply(three, ConfigurationChange.LeaveJoint()));
    }

    [Test]
    public void Majorities_before_and_after_a_step_always_meet() => Gen.Select(Gen.Int[1, 5], Gen.Int[0, 2], Gen.Int[0, 4], Gen.Int[1, 127]).Sample((voters, learners, kind, set) =>
    {
        var members = Enumerable.Range(1, voters + learners).Select(i => M((ulong)i)).ToImmutableArray();
        var before = new RaftConfiguration(members[..voters], [], members[voters..], LogIndex.Zero);
        var change = kind switch
        {
            0 => ConfigurationChange.AddLearner(M(20)),
            1 => ConfigurationChange.Promote(R((ulong)(voters + 1))),
            2 => ConfigurationChange.Remove(R((ulong)(1 + (set % voters)))),
            _ => ConfigurationChange.EnterJoint([.. members.Where((_, i) => (set >> i & 1) == 1)]),
        };
        if (ConfigurationChange.Refusal(before, change) is not null) return;
        var after = Apply(before, change);
        MajoritiesMeet(before, after);
        if (after.IsJoint) MajoritiesMeet(after, Apply(after, ConfigurationChange.LeaveJoint()));
    });

    private static void MajoritiesMeet(RaftConfiguration before, RaftConfiguration after)
    {
        for (var a = 0; a < 128; a++)
        {
            if (!Quorum.IsMajority(before, Set(a))) continue;
            for (var b = 0; b < 128; b++)
                if ((a & b) == 0 && Quorum.IsMajority(after, Set(b))) Assert.Fail($"{before} -> {after}: {a:b} and {b:b}");
        }
    }

    private static ReplicaId[] Set(int bits) => [.. Enumerable.Range(0, 7).Where(i => (bits >> i & 1) == 1).Select(i => R((ulong)i + 1))];

    private static RaftConfiguration Apply(RaftConfiguration current, ConfigurationChange change) => ConfigurationChange.Apply(current, change);

    private static ReplicaId R(ulong id) => new(id);

    private static Member M(ulong id) => new(new NodeId((ushort)id), id, R(id));

    private static ImmutableArray<Member> Distinct(Member[] members) => [.. members.DistinctBy(m => m.Replica)];

    private static byte[] Encode(RaftConfiguration configuration)
    {
        var writer = new ArrayBufferWriter<byte>();
        configuration.Encode(writer);
        return writer.WrittenSpan.ToArray();
    }
}

using System.Buffers;
using KvStore.Core.Primitives;
using KvStore.Core.Ring;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Ring;

public sealed class TopologyTests
{
    private static readonly UInt128 ClusterId = new(0x0123456789ABCDEF, 0xFEDCBA9876543210);

    [Test]
    public void What_is_written_is_read()
    {
        ClusterMember[] members = [Clusters.Member(3, "zone/ä", 64), Clusters.Member(1), Clusters.Member(2, state: MemberState.Joining), Clusters.Member(9, state: MemberState.Leaving)];
        var topology = Topology.Form(ClusterId, 64, members);
        var read = Topology.Decode(Encoded(topology));
        read.ClusterId.ShouldBe(ClusterId);
        read.Version.ShouldBe(1UL);
        read.PartitionCount.ShouldBe(64);
        read.Members.ShouldBe(members.OrderBy(m => m.Id));
        for (ushort p = 0; p < 64; p++)
            read.ReplicasOf(new PartitionId(p)).ToArray().ShouldBe(topology.ReplicasOf(new PartitionId(p)).ToArray());
        Encoded(read).ShouldBe(Encoded(topology));
    }

    /// <summary>The head of a document, byte for byte: files and peers of later releases must still read it.</summary>
    [Test]
    public void The_format_is_pinned()
    {
        var bytes = Encoded(Topology.Form(ClusterId, 16, Clusters.Of(3)));
        Convert.ToHexString(bytes[..38]).ShouldBe("4B5654500100000010325476" + "98BADCFEEFCDAB8967452301" + "0100000000000000" + "10000000" + "0300");
        Convert.ToHexString(bytes[38..67]).ShouldBe("01000101" + "0110000000000000" + "026E31" + "0D" + Convert.ToHexString("10.0.0.1:7400"u8)[..26]);
        bytes.Length.ShouldBe(38 + (3 * (12 + 3 + 2 + 13)) + (16 * 3 * 10) + 8);
    }

    [Test]
    public void Every_flipped_bit_is_noticed()
    {
        var bytes = Encoded(Topology.Form(ClusterId, 16, Clusters.Of(3)));
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            var damaged = bytes.ToArray();
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            Should.Throw<TopologyException>(() => Topology.Decode(damaged));
        }
    }

    [Test]
    public void Every_cut_is_noticed()
    {
        var bytes = Encoded(Topology.Form(ClusterId, 16, Clusters.Of(3)));
        for (var length = 0; length < bytes.Length; length++) Should.Throw<TopologyException>(() => Topology.Decode(bytes.AsSpan(0, length)));
    }

    [Test]
    public void Nonsense_with_a_right_checksum_is_refused_without_another_exception()
    {
        var original = Encoded(Topology.Form(ClusterId, 16, Clusters.Of(4)));
        const ulong seed = 20261122;
        var random = new Prng(seed);
        for (var run = 0; run < 20_000; run++)
        {
            var bytes = original[..(random.Chance(1, 4) ? random.Next(16, original.Length) : original.Length)];
            for (var edits = random.Next(1, 4); edits > 0; edits--) bytes[random.Next(8, bytes.Length)] = (byte)random.Next(256);
            BitConverter.TryWriteBytes(bytes.AsSpan(^8..), StableHash.Of(bytes.AsSpan(..^8)));
            try
            {
                Topology.Decode(bytes);
            }
            catch (TopologyException)
            {
                continue;
            }
            catch (Exception other)
            {
                Assert.Fail($"seed {seed}, run {run}: {other}");
            }
        }
    }

    [Test]
    public void An_unknown_format_is_named()
    {
        var bytes = Encoded(Topology.Form(ClusterId, 16, Clusters.Of(3)));
        bytes[4] = 2;
        Should.Throw<TopologyException>(() => Topology.Decode(bytes)).Message.ShouldBe("the topology document has format 2; this release reads format 1");
    }

    [Test]
    public void Replica_ids_are_never_given_twice()
    {
        var topology = Topology.Form(ClusterId, 4096, Clusters.Of(5));
        var ids = Enumerable.Range(0, 4096).SelectMany(p => topology.ReplicasOf(new PartitionId((ushort)p)).ToArray()).Select(r => r.Id).ToList();
        ids.Distinct().Count().ShouldBe(3 * 4096);
        ids.Max().Value.ShouldBeLessThan(Topology.ReplicaIdOf(2, 0).Value);
    }

    [Test]
    public void Lookups_find_what_the_document_says()
    {
        var topology = Topology.Form(ClusterId, 256, Clusters.Of(5));
        var partition = topology.PartitionOf("user{7}"u8);
        partition.ShouldBe(KeyHash.PartitionOf("7"u8, 256));
        foreach (var replica in topology.ReplicasOf(partition)) topology.ReplicaOn(partition, replica.Node).ShouldBe(replica);
        var holders = topology.ReplicasOf(partition).ToArray().Select(r => r.Node);
        topology.ReplicaOn(partition, Clusters.Of(5).Select(m => m.Id).Except(holders).First()).ShouldBeNull();
        topology.Find(new NodeId(5))!.Name.ShouldBe("n5");
        topology.Find(new NodeId(6)).ShouldBeNull();
        Placement.Of(topology).MovesFrom(Placement.Place(Clusters.Of(5), 256)).ShouldBe(0);
    }

    [Test]
    public void A_document_that_no_cluster_can_be_is_refused()
    {
        var good = Clusters.Of(3);
        Refused(() => Topology.Form(0, 16, good), "cluster id");
        Refused(() => With([good[0], good[1], good[2] with { Id = new NodeId(1) }]), "given twice");
        Refused(() => With([good[0], good[1], good[2] with { Name = "n1" }]), "name");
        Refused(() => With([good[0], good[1], good[2] with { Address = good[0].Address }]), "address");
        Refused(() => With([good[0], good[1], good[2] with { Weight = 65 }]), "weight");
        Refused(() => With([good[0], good[1], good[2] with { Zone = new string('z', 256) }]), "zone");
        Refused(() => With([good[0], good[1], good[2] with { Id = new NodeId(4) }]), "nobody can hold");
        Refused(() => With(good, [.. Enumerable.Repeat(new Replica(new NodeId(1), new ReplicaId(1)), 48)]), "two replicas on one node");
        Refused(() => With(good, []), "0 replicas");
        Refused(() => With(Clusters.Of(2)), "2 members");
    }

    private static Topology With(ClusterMember[] members, Replica[]? replicas = null)
    {
        replicas ??= [.. Enumerable.Range(0, 48).Select(i => new Replica(new NodeId((ushort)((i % 3) + 1)), Topology.ReplicaIdOf(1, i)))];
        return new Topology(ClusterId, 1, 16, members, replicas);
    }

    private static void Refused(Action action, string why) => Should.Throw<TopologyException>(action).Message.ShouldContain(why);

    private static byte[] Encoded(Topology topology)
    {
        var buffer = new ArrayBufferWriter<byte>();
        topology.Encode(buffer);
        return buffer.WrittenSpan.ToArray();
    }
}

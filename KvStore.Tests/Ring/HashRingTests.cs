using KvStore.Core.Primitives;
using KvStore.Core.Ring;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Ring;

public sealed class HashRingTests
{
    [Test]
    public void A_position_is_the_hash_of_node_and_number()
    {
        byte[] bytes = [7, 0, 0, 0, 0x2C, 0x01, 0, 0];
        HashRing.PositionOf(new NodeId(7), 300).ShouldBe(StableHash.Of(bytes));
    }

    [Test]
    public void A_walk_meets_every_node_once_and_begins_with_the_owner_of_the_position()
    {
        var ring = new HashRing(Clusters.Of(7));
        var walk = new NodeId[9];
        for (ushort node = 1; node <= 7; node++)
        {
            ring.Walk(HashRing.PositionOf(new NodeId(node), 17), walk).ShouldBe(7);
            walk[0].ShouldBe(new NodeId(node));
            walk[..7].Order().ShouldBe(Clusters.Of(7).Select(m => m.Id));
        }
    }

    [Test]
    public void A_walk_goes_round_past_the_greatest_position()
    {
        var ring = new HashRing(Clusters.Of(3));
        var first = Enumerable.Range(1, 3)
            .SelectMany(n => Enumerable.Range(0, 256).Select(v => (Position: HashRing.PositionOf(new NodeId((ushort)n), v), Node: n)))
            .Min();
        var walk = new NodeId[1];
        ring.Walk(ulong.MaxValue, walk).ShouldBe(1);
        walk[0].Value.ShouldBe((ushort)first.Node);
    }

    [Test]
    public void A_node_owns_the_circle_by_its_weight()
    {
        var ring = new HashRing([Clusters.Member(1), Clusters.Member(2, weight: 3), Clusters.Member(3)]);
        var owned = new int[4];
        var walk = new NodeId[1];
        for (var i = 0; i < 10_000; i++)
        {
            ring.Walk(StableHash.Of(BitConverter.GetBytes(i)), walk);
            owned[walk[0].Value]++;
        }

        owned[2].ShouldBeInRange(5_400, 6_600);
        owned[1].ShouldBeInRange(1_600, 2_400);
    }

    [Test]
    public void The_order_of_the_members_does_not_matter()
    {
        var one = new NodeId[5];
        var other = new NodeId[5];
        new HashRing(Clusters.Of(5)).Walk(12345, one);
        new HashRing(Clusters.Of(5).Reverse()).Walk(12345, other);
        other.ShouldBe(one);
    }
}

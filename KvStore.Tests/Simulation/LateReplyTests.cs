using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Simulation;

/// <summary>A node asks the primary in a client's name, is killed, starts again and asks for somebody else; then the first answer comes.</summary>
[TestFixture]
internal sealed class LateReplyTests
{
    private const long Second = 1_000_000_000;

    [Test]
    public void An_answer_to_an_earlier_process_of_the_node_is_nobodys()
    {
        using var cluster = new SimCluster(1);
        cluster.World.RunUntil(cluster.EveryPartitionIsLed, 5 * Second).ShouldBeTrue();
        cluster.World.RunFor(12 * Second);
        var key = Enumerable.Range(0, 100).Select(i => $"key {i}").First(k => cluster.LeaderOf(k) != 1);
        var primary = cluster.LeaderOf(key);
        foreach (var other in new[] { 2, 3 }) cluster.SchedulerOf(other).IsHeld = lane => lane == "wal";
        cluster.Put(1, key, "first");
        cluster.World.RunFor(Second / 100);
        cluster.Kill(1);
        cluster.World.RunFor(Second / 100);
        cluster.Restart(1);
        cluster.World.RunUntil(() => cluster[1].LeaderOf(cluster.PartitionOf(key)).Value == primary, Second).ShouldBeTrue(string.Join('\n', cluster.Timeline));
        var second = cluster.Put(1, key, "second");
        cluster.World.RunFor(Second / 100);
        foreach (var other in new[] { 2, 3 }) cluster.SchedulerOf(other).IsHeld = _ => false;
        cluster.Await(second).Type.ShouldBe(FrameType.WriteReply, second.ToString());
        var read = GetReply.DecodeSingle(cluster.Await(cluster.Get(2, key)).Body);
        read.Revision.ShouldBe(second.Written.Revision, "the second write's revision, not the first's");
    }
}

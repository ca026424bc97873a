using KvStore.Core.Primitives;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Simulation;

/// <summary>Every disk is filled up by others at once, and clients delete as fast as they can.</summary>
[TestFixture]
internal sealed class FullDiskTests
{
    private const long Second = 1_000_000_000;

    [Test]
    public void Deletions_on_a_full_disk_leave_the_log_what_the_node_needs_to_go_on_and_to_start_again([Range(1, 4)] int seed)
    {
        using var cluster = new SimCluster((ulong)seed);
        cluster.World.RunUntil(cluster.EveryPartitionIsLed, 5 * Second).ShouldBeTrue();
        cluster.Await(cluster.Put(1, "kept", "v")).Type.ShouldBe(FrameType.WriteReply);
        foreach (var node in (int[])[1, 2, 3]) cluster.DiskOf(node).CapacityBytes = cluster.DiskOf(node).UsedBytes + (100L << 20);
        cluster.World.RunFor((2 * Second) + (Second / 100 * seed));
        cluster.Await(cluster.Put(1, "refused", "v")).Error!.Code.ShouldBe(KvError.DiskFull);
        cluster.Await(cluster.Delete(1, "taken", WriteMode.Fast)).Type.ShouldBe(FrameType.WriteReply);
        foreach (var node in (int[])[1, 2, 3]) cluster.DiskOf(node).CapacityBytes = cluster.DiskOf(node).UsedBytes;

        var suffix = new string('k', 4_000);
        var deletions = new List<SimReply>();
        for (var i = 0; i < 300; i++)
        {
            for (var j = 0; j < 4; j++) deletions.Add(cluster.Delete(1 + (i % 3), $"{i}-{j}-{suffix}", WriteMode.Fast));
            cluster.World.RunFor(Second / 100);
        }

        deletions.ShouldContain(deletion => deletion.Type == FrameType.WriteReply);
        deletions.ShouldContain(deletion => deletion.IsDone && deletion.Error != null && deletion.Error.Code == KvError.DiskFull);
        cluster.Timeline.ShouldNotContain(line => line.Contains("fatal", StringComparison.Ordinal));
        for (var round = 0; round < 20; round++)
        {
            foreach (var node in (int[])[1, 2, 3])
            {
                cluster.Crash(node);
                cluster.Restart(node);
            }

            cluster.World.RunUntil(cluster.EveryPartitionIsLed, 20 * Second).ShouldBeTrue(string.Join('\n', cluster.Timeline.TakeLast(30)));
            cluster.World.RunFor(Second);
        }

        cluster.Await(cluster.Get(1, "kept")).Value.ShouldBe("v");
        cluster.Timeline.ShouldNotContain(line => line.Contains("fatal", StringComparison.Ordinal));

        foreach (var node in (int[])[1, 2, 3]) cluster.DiskOf(node).CapacityBytes = long.MaxValue;
        cluster.World.RunFor(3 * Second);
        cluster.Await(cluster.Put(1, "again", "v")).Type.ShouldBe(FrameType.WriteReply);
    }
}

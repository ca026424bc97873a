using KvStore.Core.Primitives;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using KvStore.Tests.Simulation;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Node;

/// <summary>Entries whose conditions ask for records that only the disk has, while the disk does not answer.</summary>
[TestFixture]
internal sealed class ApplyQueueTests
{
    private const long Second = 1_000_000_000;
    private const int OutOfMemory = 12;

    [Test]
    public void A_slow_disk_parks_one_partition_and_its_entries_are_then_applied_in_order()
    {
        using var cluster = WithFlushedKeys(1, out var cold, out var other);
        var leader = cluster.LeaderOf(cold);
        cluster.SchedulerOf(leader).IsHeld = IsColdRead;
        var revision = RevisionOf(cluster, leader, cold);

        var first = cluster.Put(leader, cold, "first", condition: revision);
        var rewrite = cluster.Put(leader, cold, "rewritten");
        var outdated = cluster.Put(leader, cold, "wrong", condition: revision);
        var occupied = cluster.Put(leader, cold, "wrong", condition: WriteCondition.IfAbsent);
        var deletion = cluster.Delete(leader, cold);
        var free = cluster.Put(leader, cold, "last", condition: WriteCondition.IfAbsent);
        cluster.World.RunFor(Second / 2);
        foreach (var reply in (SimReply[])[first, rewrite, outdated, occupied, deletion, free]) reply.IsDone.ShouldBeFalse();

        // The same shard, another partition: what needs no disk is served.
        for (var i = 0; i < 20; i++) cluster.Await(cluster.Put(leader, $"{other}-{i}", "v"), 100).Type.ShouldBe(FrameType.WriteReply);
        cluster.Await(cluster.Put(leader, $"{other}-0", "w", condition: WriteCondition.IfAbsent), 100).Error!.Code.ShouldBe(KvError.ConditionFailed);
        cluster.Await(cluster.Get(leader, $"{other}-0"), 100).Value.ShouldBe("v");

        // The log of the parked partition goes on, too.
        cluster.Await(cluster.Put(leader, cold, "fast", WriteMode.Fast), 100).Type.ShouldBe(FrameType.WriteReply);

        cluster.SchedulerOf(leader).IsHeld = _ => false;
        cluster.Await(free, 1_000).Type.ShouldBe(FrameType.WriteReply);
        first.Type.ShouldBe(FrameType.WriteReply);
        rewrite.Written.Revision.Index.ShouldBe(first.Written.Revision.Index + 1);
        outdated.Error!.CurrentRevision.ShouldBe(rewrite.Written.Revision);
        occupied.Error!.CurrentRevision.ShouldBe(rewrite.Written.Revision);
        deletion.Written.Existed.ShouldBeTrue();
        cluster.Await(cluster.Get(leader, cold)).Value.ShouldBe("fast");
        Fatal(cluster).ShouldBeEmpty();
    }

    [Test]
    public void Too_little_memory_for_a_read_holds_a_partition_up_and_is_no_damage()
    {
        using var cluster = WithFlushedKeys(6, out var cold, out _, blockCacheBytes: 0);
        var leader = cluster.LeaderOf(cold);
        var revision = RevisionOf(cluster, leader, cold);
        cluster.DiskOf(leader).Fault = (call, _, path) => call == DiskCall.Read && path.EndsWith(".sst", StringComparison.Ordinal) ? OutOfMemory : 0;
        var change = cluster.Put(leader, cold, "changed", condition: revision);
        cluster.World.RunFor(Second);
        change.IsDone.ShouldBeFalse(change.ToString());
        cluster.Await(cluster.Delete(leader, cold, WriteMode.Fast)).Error!.Outcome.ShouldBe(Outcome.NotApplied);
        cluster.Await(cluster.Get(leader, cold, ReadConsistency.Local)).Error!.Code.ShouldBe(KvError.Internal);
        cluster.Await(cluster.Send(leader, FrameType.Scan, Encoded(new ScanRequest { LimitRecords = 10 }.Encode))).Error!.Code.ShouldBe(KvError.Internal);
        cluster[leader].HaltedCount.ShouldBe(0);
        cluster.DiskOf(leader).Fault = null;
        cluster.Await(change, 1_000).Type.ShouldBe(FrameType.WriteReply);
    }

    [Test]
    public void With_no_cache_at_all_every_condition_is_decided_rightly()
    {
        using var cluster = WithFlushedKeys(2, out var cold, out _, blockCacheBytes: 0);
        var leader = cluster.LeaderOf(cold);
        for (var i = 0; i < 20; i++)
        {
            var revision = RevisionOf(cluster, leader, cold);
            var right = cluster.Put(leader, cold, $"{i}", condition: revision);
            var wrong = cluster.Put(leader, cold, "wrong", condition: revision);
            cluster.Await(right).Type.ShouldBe(FrameType.WriteReply, right.ToString());
            cluster.Await(wrong).Error!.Code.ShouldBe(KvError.ConditionFailed);
            cluster.Await(cluster.Get(leader, cold)).Value.ShouldBe($"{i}");
            FlushAll(cluster);
        }
    }

    [Test]
    public void A_fast_delete_of_a_cold_key_waits_for_the_disk_alone_and_says_what_was_there()
    {
        using var cluster = WithFlushedKeys(3, out var cold, out var other);
        var leader = cluster.LeaderOf(cold);
        cluster.SchedulerOf(leader).IsHeld = IsColdRead;
        var deletion = cluster.Delete(leader, cold, WriteMode.Fast);
        cluster.Await(cluster.Put(leader, $"{{{cold}}}x", "v"), 100).Type.ShouldBe(FrameType.WriteReply);
        cluster.Await(cluster.Put(leader, other, "v"), 100).Type.ShouldBe(FrameType.WriteReply);
        deletion.IsDone.ShouldBeFalse();
        cluster.SchedulerOf(leader).IsHeld = _ => false;
        cluster.Await(deletion, 1_000).Written.Existed.ShouldBeTrue();
        cluster.Await(cluster.Delete(leader, cold, WriteMode.Fast), 1_000).Written.Existed.ShouldBeFalse();
        cluster.Await(cluster.Get(leader, cold)).Value.ShouldBeNull();
    }

    [Test]
    public void A_fast_delete_sees_what_was_acknowledged_before_the_disk_answered()
    {
        using var cluster = WithFlushedKeys(4, out var cold, out _);
        var leader = cluster.LeaderOf(cold);
        cluster.Await(cluster.Delete(leader, cold)).Written.Existed.ShouldBeTrue();
        FlushAll(cluster);
        var asked = false;
        cluster.SchedulerOf(leader).IsHeld = name => IsColdRead(name) && (asked = true);
        var deletion = cluster.Delete(leader, cold, WriteMode.Fast);
        cluster.World.RunUntil(() => asked, Second).ShouldBeTrue("the delete needs the disk");
        cluster.Await(cluster.Put(leader, cold, "v", WriteMode.Fast), 100).Type.ShouldBe(FrameType.WriteReply);
        cluster.SchedulerOf(leader).IsHeld = _ => false;
        cluster.Await(deletion, 1_000).Written.Existed.ShouldBeTrue();
    }

    [Test]
    public void What_an_entry_needs_is_read_ahead_while_it_is_replicated()
    {
        using var cluster = WithFlushedKeys(5, out var cold, out _);
        var leader = cluster.LeaderOf(cold);
        foreach (var other in new[] { 1, 2, 3 }.Where(n => n != leader))
            cluster.SchedulerOf(other).IsHeld = name => name == "wal";
        var revision = RevisionOf(cluster, leader, cold);
        var store = cluster[leader].StoreOf(cluster.PartitionOf(cold))!;
        IsInMemory().ShouldBeFalse();
        var write = cluster.Put(leader, cold, "w", condition: revision);
        cluster.World.RunFor(Second / 100);
        write.IsDone.ShouldBeFalse("no majority has it");
        IsInMemory().ShouldBeTrue();

        bool IsInMemory()
        {
            using var view = store.Pin();
            return view.FindInMemory(System.Text.Encoding.UTF8.GetBytes(cold), false, out _) == Core.Storage.Lookup.Found;
        }
    }

    [Test]
    public void A_parked_node_restarts_and_applies_what_waited()
    {
        using var cluster = WithFlushedKeys(6, out var cold, out _);
        var leader = cluster.LeaderOf(cold);
        cluster.SchedulerOf(leader).IsHeld = IsColdRead;
        var write = cluster.Put(leader, cold, "w", condition: RevisionOf(cluster, leader, cold));
        cluster.World.RunFor(Second / 2);
        write.IsDone.ShouldBeFalse();
        cluster.Crash(leader);
        cluster.Restart(leader);
        cluster.World.RunUntil(cluster.EveryPartitionIsLed, 20 * Second).ShouldBeTrue();
        cluster.Await(cluster.Get(leader, cold)).Value.ShouldBe("w");
        cluster.World.RunUntil(() => cluster.Await(cluster.Get(leader, cold, ReadConsistency.Local)).Value == "w", 20 * Second).ShouldBeTrue();
    }

    [Test]
    public void A_parked_primary_refuses_writes_before_its_log_fills_the_memory()
    {
        using var cluster = WithFlushedKeys(7, out var cold, out var other);
        var leader = cluster.LeaderOf(cold);
        cluster.SchedulerOf(leader).IsHeld = IsColdRead;
        var parked = cluster.Put(leader, cold, "w", condition: RevisionOf(cluster, leader, cold));
        var value = new string('x', 500_000);
        var writes = new List<SimReply>();
        for (var i = 0; i < 80; i++)
        {
            writes.Add(cluster.Put(leader, $"{{{cold}}}{i}", value, timeoutMs: 60_000));
            cluster.World.RunFor(Second / 50);
        }

        var refused = writes.Where(w => w.IsDone).ToList();
        refused.Count.ShouldBeInRange(40, 60, "about 16 MiB are taken");
        refused.ShouldAllBe(w => w.Error!.Code == KvError.Overloaded && w.Error.Outcome == Outcome.NotApplied);
        cluster.Await(cluster.Put(leader, other, "w"), 100).Type.ShouldBe(FrameType.WriteReply);

        cluster.SchedulerOf(leader).IsHeld = _ => false;
        cluster.Await(parked, 5_000).Type.ShouldBe(FrameType.WriteReply);
        cluster.World.RunFor(2 * Second);
        writes.Except(refused).ShouldAllBe(w => w.Type == FrameType.WriteReply);
        cluster.Await(cluster.Put(leader, cold, "again")).Type.ShouldBe(FrameType.WriteReply);
    }

    [TestCase(ReadConsistency.Quorum)]
    [TestCase(ReadConsistency.Local)]
    public void A_read_of_a_cold_key_waits_for_the_disk_alone(ReadConsistency consistency)
    {
        using var cluster = WithFlushedKeys(8, out var cold, out _);
        var leader = cluster.LeaderOf(cold);
        cluster.SchedulerOf(leader).IsHeld = name => name.StartsWith("client-reads", StringComparison.Ordinal);
        var read = cluster.Get(leader, cold, consistency);
        cluster.Await(cluster.Put(leader, $"{{{cold}}}x", "w"), 100).Type.ShouldBe(FrameType.WriteReply);
        cluster.Await(cluster.Get(leader, $"{{{cold}}}x", consistency), 100).Value.ShouldBe("w");
        read.IsDone.ShouldBeFalse(read.ToString());
        cluster.SchedulerOf(leader).IsHeld = _ => false;
        cluster.Await(read, 1_000).Value.ShouldBe("v");
        cluster.Await(cluster.Get(leader, cold, consistency), 100).Value.ShouldBe("v");
    }

    private static bool IsColdRead(string lane) => lane.StartsWith("cold-reads", StringComparison.Ordinal);

    /// <summary>A condition on what node <paramref name="node"/> holds, found without bringing a block into its cache.</summary>
    private static WriteCondition RevisionOf(SimCluster cluster, int node, string key)
    {
        var elsewhere = cluster.Running.First(n => n.Self.Value != node);
        using var view = elsewhere.StoreOf(cluster.PartitionOf(key))!.Pin();
        view.TryGet(System.Text.Encoding.UTF8.GetBytes(key), false, out var info, out _).ShouldBeTrue();
        return WriteCondition.IfVersion(info.Revision.Version.Term.Value, info.Revision.Version.Index.Value);
    }

    /// <summary>Two keys of different partitions that one node leads, both in tables that nobody has read.</summary>
    private static SimCluster WithFlushedKeys(ulong seed, out string cold, out string other, long blockCacheBytes = 8 << 20)
    {
        var cluster = new SimCluster(seed, blockCacheBytes: blockCacheBytes);
        cluster.World.RunUntil(cluster.EveryPartitionIsLed, 5 * Second).ShouldBeTrue(string.Join('\n', cluster.Timeline));
        var keys = Enumerable.Range(0, 100).Select(i => $"key{i}").ToList();
        var one = cold = keys[0];
        var leader = cluster.LeaderOf(one);
        other = keys.First(k => cluster.PartitionOf(k) != cluster.PartitionOf(one) && cluster.LeaderOf(k) == leader);

        // The second key's neighbours are of the same partition.
        other = $"{{{other}}}";
        if (cluster.LeaderOf(other) != leader || cluster.PartitionOf(other) == cluster.PartitionOf(one)) throw new InvalidOperationException("hash tags do not decide");
        cluster.Await(cluster.Put(leader, cold, "v")).Type.ShouldBe(FrameType.WriteReply);
        cluster.Await(cluster.Put(leader, other, "v")).Type.ShouldBe(FrameType.WriteReply);
        cluster.World.RunFor(Second);
        FlushAll(cluster);
        return cluster;
    }

    private static void FlushAll(SimCluster cluster)
    {
        cluster.World.RunFor(Second / 10);
        foreach (var node in cluster.Running) node.Storage.FlushAll();
    }

    private static IEnumerable<string> Fatal(SimCluster cluster) => cluster.Timeline.Where(line => line.Contains("fatal", StringComparison.Ordinal));

    private static byte[] Encoded(Action<System.Buffers.IBufferWriter<byte>> encode)
    {
        using var body = new FrameBuffer();
        encode(body);
        return body.Written.ToArray();
    }
}

using System.Globalization;
using System.Text;
using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Simulation;

/// <summary>One replica's table is damaged, and a compare-and-set needs the record in it: that replica halts, and nothing else.</summary>
[TestFixture]
internal sealed class DamagedReplicaTests
{
    private const long Second = 1_000_000_000;
    private const string Key = "key";

    [Test]
    public void The_cluster_goes_on_and_the_rest_of_the_node_serves_while_a_follower_has_halted([Range(1, 3)] int seed)
    {
        using var cluster = Started((ulong)seed);
        WithoutRebuild(cluster);
        var leader = cluster.LeaderOf(Key);
        var damaged = Enumerable.Range(1, 3).First(n => n != leader);
        var revision = cluster.Await(cluster.Put(leader, Key, "0")).Written.Revision;
        var path = DamageTableOf(cluster, damaged);
        var before = cluster[damaged].StoreOf(cluster.PartitionOf(Key))!.Applied.Index;
        for (var i = 1; i <= 10; i++) revision = Cas(cluster, damaged, revision, $"{i}");

        cluster.World.RunUntil(() => cluster[damaged].HaltedCount == 1, 2 * Second).ShouldBeTrue(string.Join('\n', cluster.Timeline));
        Fatal(cluster).ShouldBeEmpty();
        cluster[damaged].Counters.PartitionHalts.ShouldBe(1);
        cluster[damaged].StoreOf(cluster.PartitionOf(Key))!.Applied.Index.ShouldBe(before);
        var local = cluster.Await(cluster.Get(damaged, Key, ReadConsistency.Local)).Error!;
        local.Code.ShouldBe(KvError.Internal);
        local.Message.ShouldContain(path);
        local.Message.ShouldContain("halted");
        cluster.Await(cluster.Get(damaged, Key)).Value.ShouldBe("10", "the primary answers");
        var scan = cluster.Await(cluster.Send(damaged, FrameType.Scan, Encoded(new ScanRequest { Consistency = ReadConsistency.Local, LimitRecords = 10, LimitBytes = 1_000 }.Encode)));
        scan.Error!.Message.ShouldContain(path);
        var explained = ExplainReply.Decode(cluster.Await(cluster.Send(leader, FrameType.Explain, Encoded(new ExplainRequest(Encoding.UTF8.GetBytes(Key)).Encode))).Body);
        explained.Replicas.Single(r => r.Node == damaged).Reason.ShouldContain(path);
        OtherPartitionsServe(cluster, damaged);

        // Its log and its vote still count: with the other follower gone it is half of the majority.
        cluster.Crash(6 - leader - damaged);
        cluster.World.RunFor(3 * Second);
        for (var i = 11; i <= 15; i++) revision = Cas(cluster, leader, revision, $"{i}");
        cluster.Restart(6 - leader - damaged);
        cluster.World.RunFor(15 * Second);
        cluster.Crash(leader);
        cluster.World.RunFor(3 * Second);
        for (var i = 16; i <= 20; i++) revision = Cas(cluster, damaged, revision, $"{i}");
        cluster.LeaderOf(Key).ShouldBe(6 - leader - damaged);
    }

    [Test]
    public void A_restart_halts_at_the_same_place_and_a_snapshot_ends_it()
    {
        using var cluster = Started(4);
        WithoutRebuild(cluster);
        var leader = cluster.LeaderOf(Key);
        var damaged = Enumerable.Range(1, 3).First(n => n != leader);
        var revision = cluster.Await(cluster.Put(leader, Key, "0")).Written.Revision;
        DamageTableOf(cluster, damaged);
        for (var i = 1; i <= 5; i++) revision = Cas(cluster, leader, revision, $"{i}");
        cluster.World.RunUntil(() => cluster[damaged].HaltedCount == 1, 2 * Second).ShouldBeTrue();
        var halt = cluster[damaged].StatusOf(cluster.PartitionOf(Key))!.Halt!;

        cluster.Crash(damaged);
        cluster.Restart(damaged);
        cluster.World.RunUntil(() => cluster[damaged].HaltedCount == 1, 5 * Second).ShouldBeTrue();
        var again = cluster[damaged].StatusOf(cluster.PartitionOf(Key))!.Halt!;
        again.Applied.ShouldBe(halt.Applied);
        again.Cause.Message.ShouldBe(halt.Cause.Message);

        cluster.Network.IsLost = (_, _, _) => false;
        cluster.World.RunUntil(() => cluster[damaged].HaltedCount == 0, 20 * Second).ShouldBeTrue(string.Join('\n', cluster.Timeline));
        cluster[damaged].Counters.SnapshotsInstalled.ShouldBe(1);
        for (var i = 6; i <= 10; i++) revision = Cas(cluster, damaged, revision, $"{i}");
        cluster.World.RunUntil(() => cluster.Await(cluster.Get(damaged, Key, ReadConsistency.Local)).Value == "10", 5 * Second).ShouldBeTrue();
        Fatal(cluster).ShouldBeEmpty();
    }

    [Test]
    public void A_primary_that_halts_gives_leadership_away_without_losing_a_fast_write_and_is_given_none_until_it_is_rebuilt([Range(1, 5)] int seed)
    {
        using var cluster = Started((ulong)seed);
        WithoutRebuild(cluster);
        var leader = cluster.LeaderOf(Key);
        var revision = cluster.Await(cluster.Put(leader, Key, "0")).Written.Revision;
        DamageTableOf(cluster, leader);
        var met = cluster.Put(leader, Key, "1", condition: WriteCondition.IfRevision(revision));
        var fast = cluster.Put(leader, $"{{{Key}}}fast", "f", WriteMode.Fast);
        cluster.Await(fast).Type.ShouldBe(FrameType.WriteReply);
        cluster.Await(met).Error!.Outcome.ShouldBe(Outcome.Unknown, "the entry has its index: this replica cannot say what becomes of it");
        cluster[leader].HaltedCount.ShouldBe(1);

        // Whoever leads now decided it, and goes on; the preferred replica is not given leadership back, and nothing stands still for it.
        cluster.Await(cluster.Get(leader, Key), 2_000).Value.ShouldBe("1", string.Join('\n', cluster.Timeline));
        for (var i = 2; i <= 60; i++)
        {
            var value = i.ToString(CultureInfo.InvariantCulture);
            cluster.Await(cluster.Put(leader, Key, value), 500).Type.ShouldBe(FrameType.WriteReply);
            cluster.World.RunFor(Second / 4);
            RoleOf(cluster, leader).ShouldBe(RaftRole.Follower);
        }

        cluster.Await(cluster.Get(leader, $"{{{Key}}}fast")).Value.ShouldBe("f");
        cluster[leader].Counters.FastWritesCut.ShouldBe(0);
        Fatal(cluster).ShouldBeEmpty();

        cluster.Network.IsLost = (_, _, _) => false;
        cluster.World.RunUntil(() => cluster[leader].HaltedCount == 0, 20 * Second).ShouldBeTrue(string.Join('\n', cluster.Timeline));
        cluster.World.RunUntil(() => RoleOf(cluster, leader) == RaftRole.Leader || cluster.Topology.ReplicasOf(cluster.PartitionOf(Key))[0].Node.Value != leader, 20 * Second)
            .ShouldBeTrue("rebuilt, it may lead again");
        cluster.Await(cluster.Get(leader, Key)).Value.ShouldBe("60");
    }

    [Test]
    public void A_damaged_replica_is_rebuilt_by_itself_and_all_three_are_equal()
    {
        using var cluster = Started(9);
        var leader = cluster.LeaderOf(Key);
        var revision = cluster.Await(cluster.Put(leader, Key, "0")).Written.Revision;
        for (var i = 0; i < 50; i++) cluster.Await(cluster.Put(leader, $"{{{Key}}}{i}", new string('x', 1_000)));
        DamageTableOf(cluster, leader);
        cluster.Await(cluster.Put(leader, Key, "1", condition: WriteCondition.IfRevision(revision)));
        cluster.World.RunUntil(() => cluster[leader].Counters.SnapshotsInstalled == 1, 20 * Second).ShouldBeTrue(string.Join('\n', cluster.Timeline));
        cluster.Await(cluster.Put(leader, $"{{{Key}}}more", "m")).Type.ShouldBe(FrameType.WriteReply);
        cluster.World.RunFor(Second);
        cluster[leader].HaltedCount.ShouldBe(0);
        var states = cluster.Running.Select(node => Storage.Records.Dump(node.StoreOf(cluster.PartitionOf(Key))!)).Distinct().ToList();
        states.Count.ShouldBe(1);
        states[0].ShouldContain($"{Key}=1 ");
    }

    [Test]
    public void A_halted_replica_takes_no_more_log_than_its_memory_may_hold_and_still_comes_back()
    {
        using var cluster = Started(11);
        WithoutRebuild(cluster);
        var leader = cluster.LeaderOf(Key);
        var damaged = Enumerable.Range(1, 3).First(n => n != leader);
        var revision = cluster.Await(cluster.Put(leader, Key, "0")).Written.Revision;
        DamageTableOf(cluster, damaged);
        Cas(cluster, leader, revision, "1");
        var value = new string('x', 500_000);
        for (var i = 0; i < 80; i++) cluster.Await(cluster.Put(leader, $"{{{Key}}}{i % 10}", $"{i} {value}")).Type.ShouldBe(FrameType.WriteReply);
        cluster[damaged].HaltedCount.ShouldBe(1);
        var held = cluster[damaged].StatusOf(cluster.PartitionOf(Key))!.Read();
        (held.LastIndex - held.Applied).ShouldBeInRange(25ul, 40ul, "about 16 MiB");

        cluster.Network.IsLost = (_, _, _) => false;
        cluster.World.RunUntil(() => cluster[damaged].HaltedCount == 0, 20 * Second).ShouldBeTrue(string.Join('\n', cluster.Timeline));
        cluster.Await(cluster.Put(leader, $"{{{Key}}}last", "v")).Type.ShouldBe(FrameType.WriteReply);
        cluster.World.RunUntil(
            () => cluster.Await(cluster.Get(damaged, $"{{{Key}}}last", ReadConsistency.Local)).Value == "v", 20 * Second).ShouldBeTrue(string.Join('\n', cluster.Timeline));
        Fatal(cluster).ShouldBeEmpty();
    }

    [Test]
    public void A_primary_that_cannot_be_copied_for_damage_hands_over_to_one_that_can([Range(12, 14)] int seed)
    {
        using var cluster = Started((ulong)seed);
        var leader = cluster.LeaderOf(Key);
        var damaged = Enumerable.Range(1, 3).First(n => n != leader);
        for (var i = 0; i < 50; i++) cluster.Await(cluster.Put(leader, $"{{{Key}}}{i}", new string('x', 1_000)));
        var path = DamageTableOf(cluster, leader);
        var revision = cluster.Await(cluster.Put(leader, Key, "0")).Written.Revision;
        DamageTableOf(cluster, damaged);
        revision = Cas(cluster, leader, revision, "1");
        cluster.World.RunUntil(() => cluster[damaged].Counters.PartitionHalts == 1, 2 * Second).ShouldBeTrue();
        cluster.World.RunUntil(() => cluster[damaged].HaltedCount == 0, 3 * Second).ShouldBeTrue(string.Join('\n', cluster.Timeline));
        cluster.Timeline.ShouldContain(line => line.Contains($"no snapshot for n{damaged}", StringComparison.Ordinal) && line.Contains(path, StringComparison.Ordinal));
        revision = Cas(cluster, leader, revision, "2");
        cluster.World.RunUntil(() => cluster.Await(cluster.Get(damaged, Key, ReadConsistency.Local)).Value == "2", Second).ShouldBeTrue();
        var whole = 6 - leader - damaged;
        for (var i = 3; i <= 60 && cluster[leader].Counters.SnapshotsInstalled == 0; i++)
        {
            RoleOf(cluster, whole).ShouldBe(RaftRole.Leader, "it rebuilds the others, and hands back no leadership before");
            revision = Cas(cluster, leader, revision, $"{i}");
            cluster.World.RunFor(Second / 4);
        }

        cluster[leader].Counters.SnapshotsInstalled.ShouldBe(1);
    }

    [Test]
    public void Who_could_take_over_from_a_damaged_primary_was_away_when_it_was_looked_for()
    {
        using var cluster = Started(17);
        var leader = cluster.LeaderOf(Key);
        var damaged = Enumerable.Range(1, 3).First(n => n != leader);
        var whole = 6 - leader - damaged;
        for (var i = 0; i < 50; i++) cluster.Await(cluster.Put(leader, $"{{{Key}}}{i}", new string('x', 1_000)));
        var path = DamageTableOf(cluster, leader);
        var revision = cluster.Await(cluster.Put(leader, Key, "0")).Written.Revision;
        DamageTableOf(cluster, damaged);
        cluster.Crash(whole);
        revision = Cas(cluster, leader, revision, "1");
        bool IsTold() => cluster.Timeline.Any(line => line.Contains($"no snapshot for n{damaged}", StringComparison.Ordinal) && line.Contains(path, StringComparison.Ordinal));
        cluster.World.RunUntil(IsTold, 10 * Second).ShouldBeTrue(string.Join('\n', cluster.Timeline));
        cluster.Restart(whole);
        cluster.World.RunUntil(() => cluster[damaged].HaltedCount == 0, 20 * Second).ShouldBeTrue(string.Join('\n', cluster.Timeline));
        Cas(cluster, leader, revision, "2");
    }

    /// <summary>Reads fail for reasons that pass, too; and the primary may be damaged where this replica is not, so that nobody can rebuild it.</summary>
    [Test]
    public void A_halted_replica_that_nobody_rebuilds_goes_on_when_it_can_read_again()
    {
        using var cluster = Started(19);
        WithoutRebuild(cluster);
        var leader = cluster.LeaderOf(Key);
        var damaged = Enumerable.Range(1, 3).First(n => n != leader);
        var revision = cluster.Await(cluster.Put(leader, Key, "0")).Written.Revision;
        var path = DamageTableOf(cluster, damaged);
        for (var i = 1; i <= 10; i++) revision = Cas(cluster, leader, revision, $"{i}");
        cluster.World.RunFor(25 * Second);
        cluster[damaged].HaltedCount.ShouldBe(1, "it cannot be read yet");
        cluster[damaged].Counters.PartitionHalts.ShouldBe(1);

        cluster.DiskOf(damaged).FlipBit(path, 20, 3);
        cluster.World.RunUntil(() => cluster[damaged].HaltedCount == 0, 11 * Second).ShouldBeTrue(string.Join('\n', cluster.Timeline));
        Cas(cluster, leader, revision, "11");
        cluster.World.RunUntil(() => cluster.Await(cluster.Get(damaged, Key, ReadConsistency.Local)).Value == "11", Second).ShouldBeTrue();
        cluster[damaged].Counters.SnapshotsInstalled.ShouldBe(0);
        cluster.Crash(leader);
        cluster.Crash(6 - leader - damaged);
        cluster.Restart(6 - leader - damaged);
        cluster.World.RunFor(5 * Second);
        cluster.Await(cluster.Get(damaged, Key)).Value.ShouldBe("11");
        Fatal(cluster).ShouldBeEmpty();
    }

    [Test]
    public void A_halted_replica_makes_its_node_flush_no_more_often()
    {
        using var cluster = Started(16);
        WithoutRebuild(cluster);
        var leader = cluster.LeaderOf(Key);
        var damaged = Enumerable.Range(1, 3).First(n => n != leader);
        var revision = cluster.Await(cluster.Put(leader, Key, "0")).Written.Revision;
        DamageTableOf(cluster, damaged);
        Cas(cluster, leader, revision, "1");
        cluster.World.RunUntil(() => cluster[damaged].HaltedCount == 1, 2 * Second).ShouldBeTrue();
        var before = cluster.Running.ToDictionary(n => n.Self.Value, n => n.Storage.ReadStatistics().Flushes);
        var value = new string('x', 50_000);
        for (var i = 0; i < 400; i++) cluster.Await(cluster.Put(leader, $"other {i % 20}", value)).Type.ShouldBe(FrameType.WriteReply);
        cluster[damaged].Wal.Statistics.SegmentsOpened.ShouldBeGreaterThan(8, "more log was written than is kept");
        long Since(int node) => cluster[node].Storage.ReadStatistics().Flushes - before[(ushort)node];
        Since(damaged).ShouldBeLessThanOrEqualTo(2 * Since(6 - leader - damaged) + 2);
    }

    /// <summary>The partition's entries cannot be flushed, and would hold on to the whole log behind them.</summary>
    [Test]
    public void A_halted_replica_costs_the_rest_of_the_node_no_flushes_and_its_log_stays_bounded([Range(15, 18)] int seed)
    {
        using var cluster = Started((ulong)seed);
        WithoutRebuild(cluster);
        var leader = cluster.LeaderOf(Key);
        var damaged = Enumerable.Range(1, 3).First(n => n != leader);
        var whole = 6 - leader - damaged;
        var revision = cluster.Await(cluster.Put(leader, Key, "0")).Written.Revision;
        DamageTableOf(cluster, damaged);
        for (var i = 1; i <= 20; i++) revision = Cas(cluster, leader, revision, $"{i}");
        cluster.World.RunUntil(() => cluster[damaged].HaltedCount == 1, 2 * Second).ShouldBeTrue();

        var largest = 0L;
        for (var i = 0; i < 80; i++)
        {
            PutElsewhere(cluster, leader, i, 300_000);
            largest = Math.Max(largest, cluster[damaged].Wal.SizeBytes);
        }

        largest.ShouldBeLessThan(9 << 20, "4 MiB are to be kept, and half as much goes by before the entries are written again");
        var (before, beforeWhole) = (cluster[damaged].Storage.ReadStatistics().Flushes, cluster[whole].Storage.ReadStatistics().Flushes);
        for (var i = 0; i < 300; i++) PutElsewhere(cluster, leader, i, 10_000);
        var flushes = cluster[whole].Storage.ReadStatistics().Flushes - beforeWhole;
        (cluster[damaged].Storage.ReadStatistics().Flushes - before).ShouldBeInRange(1, flushes + 2);

        // What was written again is the log: after a crash at any time, too.
        for (var i = 0; i < 10; i++) PutElsewhere(cluster, leader, i, 300_000);
        cluster.Crash(damaged);
        cluster.Restart(damaged);
        cluster.World.RunUntil(() => cluster[damaged].HaltedCount == 1, 5 * Second).ShouldBeTrue();
        cluster[damaged].StatusOf(cluster.PartitionOf(Key))!.Read().LastIndex.Value.ShouldBeGreaterThanOrEqualTo(revision.Index);
        cluster.Network.IsLost = (_, _, _) => false;
        cluster.World.RunUntil(() => cluster[damaged].HaltedCount == 0, 20 * Second).ShouldBeTrue(string.Join('\n', cluster.Timeline));
        Cas(cluster, leader, revision, "21");
        cluster.World.RunUntil(() => cluster.Await(cluster.Get(damaged, Key, ReadConsistency.Local)).Value == "21", 20 * Second).ShouldBeTrue();
        Fatal(cluster).ShouldBeEmpty();
    }

    [Test]
    public void A_fast_delete_that_meets_damage_is_refused_and_halts_nothing()
    {
        using var cluster = Started(10);
        var leader = cluster.LeaderOf(Key);
        cluster.Await(cluster.Put(leader, Key, "0")).Type.ShouldBe(FrameType.WriteReply);
        var path = DamageTableOf(cluster, leader);
        var refused = cluster.Await(cluster.Delete(leader, Key, WriteMode.Fast)).Error!;
        refused.Outcome.ShouldBe(Outcome.NotApplied);
        refused.Message.ShouldContain(path);
        cluster[leader].HaltedCount.ShouldBe(0);
        cluster.Await(cluster.Put(leader, Key, "1", WriteMode.Fast)).Type.ShouldBe(FrameType.WriteReply);
        cluster.Await(cluster.Get(leader, Key)).Value.ShouldBe("1");
    }

    [Test]
    public void Of_several_keys_a_damaged_one_fails_alone()
    {
        using var cluster = Started(20);
        var leader = cluster.LeaderOf(Key);
        var others = Enumerable.Range(0, 100).Select(i => $"other {i}").Where(k => cluster.PartitionOf(k) != cluster.PartitionOf(Key)).Take(3).ToList();
        foreach (var key in others.Prepend(Key)) cluster.Await(cluster.Put(leader, key, key)).Type.ShouldBe(FrameType.WriteReply);
        var path = DamageTableOf(cluster, leader);
        GetKey[] keys = [.. others.Prepend(Key).Select(k => new GetKey(System.Text.Encoding.UTF8.GetBytes(k)))];
        var reply = cluster.Await(cluster.Send(leader, FrameType.Get, Encoded(body => GetRequest.Encode(body, ReadConsistency.Local, keys))));
        reply.Type.ShouldBe(FrameType.GetReply, reply.ToString());
        var results = GetReply.Decode(reply.Body);
        results[0].Error.ShouldBe(KvError.Internal);
        System.Text.Encoding.UTF8.GetString(results[0].Value.Span).ShouldContain(path);
        results.Skip(1).Select(result => System.Text.Encoding.UTF8.GetString(result.Value.Span)).ShouldBe(others);
    }

    private static SimCluster Started(ulong seed)
    {
        var cluster = new SimCluster(seed);
        cluster.World.RunUntil(cluster.EveryPartitionIsLed, 5 * Second).ShouldBeTrue(string.Join('\n', cluster.Timeline));
        cluster.World.RunFor(12 * Second);
        return cluster;
    }

    private static void WithoutRebuild(SimCluster cluster) => cluster.Network.IsLost = (_, _, type) => type == PeerFrame.SnapshotBegin;

    /// <summary>Writes a node's part of the key's partition to a table of its own and flips a bit in its first block.</summary>
    private static string DamageTableOf(SimCluster cluster, int node)
    {
        var disk = cluster.DiskOf(node);
        var store = cluster[node].StoreOf(cluster.PartitionOf(Key))!;
        var before = Tables(disk);
        cluster.World.RunFor(Second);
        cluster[node].Storage.RequestFlush(store.Id);
        cluster.World.RunUntil(() => store.Durable == store.Applied, 5 * Second).ShouldBeTrue();
        var path = Tables(disk).Except(before).Single();
        disk.FlipBit(path, 20, 3);
        return path;
    }

    private static List<string> Tables(SimDisk disk) =>
        [.. disk.List("/data/store").Where(name => name.EndsWith(".sst", StringComparison.Ordinal)).Select(name => $"/data/store/{name}")];

    private static byte[] Encoded(Action<System.Buffers.IBufferWriter<byte>> encode)
    {
        using var body = new FrameBuffer();
        encode(body);
        return body.Written.ToArray();
    }

    /// <summary>A write to any partition but the key's.</summary>
    private static void PutElsewhere(SimCluster cluster, int node, int number, int valueBytes)
    {
        var key = Enumerable.Range(number * 100, 100).Select(i => $"else{i}").First(key => cluster.PartitionOf(key) != cluster.PartitionOf(Key));
        cluster.Await(cluster.Put(node, key, new string('x', valueBytes))).Type.ShouldBe(FrameType.WriteReply);
    }

    private static WireRevision Cas(SimCluster cluster, int node, WireRevision expected, string value)
    {
        var reply = cluster.Await(cluster.Put(node, Key, value, condition: WriteCondition.IfRevision(expected)));
        reply.Type.ShouldBe(FrameType.WriteReply, $"{value}: {reply}\n{string.Join('\n', cluster.Timeline)}");
        return reply.Written.Revision;
    }

    private static RaftRole RoleOf(SimCluster cluster, int node) => cluster[node].StatusOf(cluster.PartitionOf(Key))!.Read().Role;

    private static void OtherPartitionsServe(SimCluster cluster, int node)
    {
        var served = new HashSet<PartitionId>();
        for (var i = 0; i < 100; i++)
        {
            var key = $"other{i}";
            if (cluster.PartitionOf(key) == cluster.PartitionOf(Key) || !served.Add(cluster.PartitionOf(key))) continue;
            var written = cluster.Await(cluster.Put(node, key, "v")).Written.Revision;
            cluster.Await(cluster.Put(node, key, "w", condition: WriteCondition.IfRevision(written))).Type.ShouldBe(FrameType.WriteReply);
            cluster.World.RunUntil(() => cluster.Await(cluster.Get(node, key, ReadConsistency.Local)).Value == "w", Second).ShouldBeTrue();
        }

        served.Count.ShouldBe(cluster.Topology.PartitionCount - 1);
    }

    private static IEnumerable<string> Fatal(SimCluster cluster) => cluster.Timeline.Where(line => line.Contains("fatal", StringComparison.Ordinal));
}

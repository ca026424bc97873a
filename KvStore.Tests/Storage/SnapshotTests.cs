using System.Buffers;
using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Tests.Simulation;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage;

/// <summary>Export of a partition and its ingestion elsewhere.</summary>
public sealed class SnapshotTests
{
    [Test]
    public void A_snapshot_makes_an_equal_partition_that_survives_a_power_cut([Range(1, 8)] int seed)
    {
        using var from = new SimEngine((ulong)seed);
        using var to = new SimEngine((ulong)seed + 1000);
        var source = Fill(from, 300);
        var target = to.Engine.CreatePartition(new PartitionId(5), "old"u8);
        target.Put(1, "gone", "afterwards");
        target.OverlayPut(new LogIndex(2), "fast"u8, "older than the snapshot"u8, Records.Info(2));
        target.PublishOverlay(new LogIndex(2));
        Transfer(source, target, 1000).ShouldBeGreaterThan(10);
        CheckEqual(source, target);
        target.Dump(includeOverlay: true).ShouldBe(source.Dump());
        to.Listener.Flushed[target.Id].ShouldBe(source.Applied);

        target.Put(source.Applied.Index.Value + 1, "next", "entry");
        using var after = new SimEngine(1, to.Disk.Crash());
        CheckEqual(source, after.Engine.Find(new PartitionId(5)).ShouldNotBeNull());
    }

    /// <summary>
    /// A merge of everything into a level in which nothing lies yet, and meanwhile tables are installed above it: they may not go down into
    /// the gaps of what it is about to write.
    /// </summary>
    [Test]
    public void Snapshots_may_be_installed_while_merges_run([Range(1, 60)] int seed)
    {
        using var from = new SimEngine((ulong)seed);
        var chunks = ExportOf(Fill(from, 60), 1000);
        using var sim = new SimEngine((ulong)seed + 1000);
        var random = new Prng((ulong)seed);
        var stores = Enumerable.Range(0, 9).Select(id => sim.Engine.CreatePartition(new PartitionId((ushort)id), "c"u8)).ToList();
        for (ulong index = 1; index <= 12; index++)
        {
            foreach (var store in stores.Where((_, id) => id % 2 == 0)) store.Put(index, $"key{index}", new string('v', 3000));
            if (index % 3 == 0) sim.Engine.FlushAll();
        }

        foreach (var store in stores.Where((_, id) => id % 2 == 1))
        {
            for (var steps = random.Next(8); steps > 0; steps--) sim.Scheduler.RunOne();
            var ingest = store.BeginIngest(Records.State(500), "new"u8);
            foreach (var chunk in chunks) ingest.Write(chunk);
            ingest.Install();
        }

        sim.Scheduler.RunUntilIdle();
        stores[1].Dump().ShouldBe(stores[7].Dump());
        stores[0].Dump().ShouldBe(stores[8].Dump());
        StorageInspection.Verify(sim.Disk, SimEngine.Directory, problem => Assert.Fail(problem.ToString())).ShouldBe(0);
    }

    [Test]
    public void An_empty_partition_has_a_snapshot_too()
    {
        using var sim = new SimEngine(1);
        var source = sim.Engine.CreatePartition(new PartitionId(1), "c1"u8);
        var target = sim.Engine.CreatePartition(new PartitionId(2), "c2"u8);
        target.Put(1, "a", "1");
        Transfer(source, target, 1000).ShouldBe(1);
        CheckEqual(source, target);
    }

    [Test]
    public void A_damaged_or_misplaced_chunk_is_refused_and_the_partition_stays_as_it_is()
    {
        using var sim = new SimEngine(1);
        var chunks = ExportOf(Fill(sim, 100), 1000);
        var target = sim.Engine.CreatePartition(new PartitionId(6), "c"u8);
        target.Put(1, "a", "1");
        var random = new Prng(1);
        for (var round = 0; round < 200; round++)
        {
            var ingest = target.BeginIngest(Records.State(500), "new"u8);
            var broken = random.Next(chunks.Count);
            Should.Throw<CorruptionException>(() =>
            {
                for (var i = 0; i < chunks.Count; i++)
                {
                    var chunk = chunks[i].ToArray();
                    if (i == broken) chunk[random.Next(chunk.Length)] ^= (byte)(1 << random.Next(8));
                    ingest.Write(chunk);
                }
            });
            ingest.Abort();
        }

        var skipping = target.BeginIngest(Records.State(500), "new"u8);
        skipping.Write(chunks[0]);
        Should.Throw<CorruptionException>(() => skipping.Write(chunks[2]));
        skipping.Abort();
        Should.Throw<InvariantException>(() => target.BeginIngest(Records.State(500), "new"u8).Install());
        target.Dump().ShouldBe("a=1");
        sim.Disk.List(SimEngine.Directory).ShouldNotContain(name => name.EndsWith(".tmp"));
    }

    [Test]
    public void An_export_that_waits_for_the_disk_does_not_hold_up_whoever_applies()
    {
        using var sim = new SimEngine(1);
        var source = Fill(sim, 100);
        var target = sim.Engine.CreatePartition(new PartitionId(6), "c"u8);
        sim.Engine.FlushAll();
        bool? isApplied = null;
        sim.Disk.Fault = (call, _, _) =>
        {
            if (call == DiskCall.Read && isApplied is null) isApplied = Task.Run(() => source.Put(101, "later", "entry")).Wait(TimeSpan.FromSeconds(5));
            return 0;
        };
        Transfer(source, target, 1000);
        isApplied.ShouldBe(true);
        target.Get("later").ShouldBeNull();
    }

    [Test]
    public void A_flush_that_was_under_way_does_not_undo_an_installation()
    {
        using var sim = new SimEngine(1);
        var source = Fill(sim, 100);
        var target = sim.Engine.CreatePartition(new PartitionId(6), "c"u8);
        target.Put(1, "a", "1");
        sim.Engine.RequestFlush();
        sim.Scheduler.RunOne();
        Transfer(source, target, 1000);
        sim.Scheduler.RunUntilIdle();
        CheckEqual(source, target);
        target.Durable.ShouldBe(source.Applied);
    }

    private static PartitionStore Fill(SimEngine sim, int entries)
    {
        var store = sim.Engine.CreatePartition(new PartitionId(5), "configuration"u8);
        var random = new Prng(9);
        for (ulong index = 1; index <= (ulong)entries; index++)
        {
            var key = Records.Key($"k{random.Next(entries)}");
            if (random.Chance(1, 5)) store.Delete(new LogIndex(index), key, Records.Info(index));
            else store.Put(new LogIndex(index), key, Records.Value(random, random.Next(200)), Records.Info(index, random.Chance(1, 9) ? 77_000_000 : 0));
            store.Publish(Records.State(index));
            if (index == (ulong)entries / 2) sim.Engine.FlushAll();
        }

        return store;
    }

    private static List<byte[]> ExportOf(PartitionStore store, int chunkBytes)
    {
        using var export = store.BeginExport();
        var chunks = new List<byte[]>();
        for (var more = true; more;)
        {
            var chunk = new ArrayBufferWriter<byte>();
            more = export.Read(chunk, chunkBytes);
            chunks.Add(chunk.WrittenSpan.ToArray());
        }

        return chunks;
    }

    private static int Transfer(PartitionStore source, PartitionStore target, int chunkBytes)
    {
        var chunks = ExportOf(source, chunkBytes);
        var ingest = target.BeginIngest(source.Applied, source.Configuration);
        foreach (var chunk in chunks) ingest.Write(chunk);
        ingest.Install();
        return chunks.Count;
    }

    private static void CheckEqual(PartitionStore source, PartitionStore target)
    {
        target.Applied.ShouldBe(source.Applied);
        target.Configuration.ShouldBe(source.Configuration);
        using var expected = source.Pin();
        using var found = target.Pin();
        var a = expected.Scan([], [], false);
        var b = found.Scan([], [], false);
        while (a.MoveNext())
        {
            b.MoveNext().ShouldBeTrue();
            b.Key.SequenceEqual(a.Key).ShouldBeTrue();
            b.Info.ShouldBe(a.Info);
            b.Value.SequenceEqual(a.Value).ShouldBeTrue();
        }

        b.MoveNext().ShouldBeFalse();
    }
}

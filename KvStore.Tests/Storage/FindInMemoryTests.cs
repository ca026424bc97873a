using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Tests.Simulation;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage;

/// <summary>A search without the disk says what memory knows, and never more.</summary>
public sealed class FindInMemoryTests
{
    private static readonly PartitionId Id = new(1);

    [Test]
    public void What_is_in_memtables_is_found_and_what_they_do_not_hold_is_absent_while_there_are_no_tables()
    {
        using var sim = new SimEngine(1);
        var store = sim.Engine.CreatePartition(Id, "c"u8);
        store.Put(1, "a", "v");
        store.Delete(2, "b");
        Find(store, "a").ShouldBe(Lookup.Found);
        Find(store, "b").ShouldBe(Lookup.Found, "a tombstone is a record");
        Find(store, "c").ShouldBe(Lookup.Absent);
    }

    [Test]
    public void What_is_in_tables_needs_the_disk_until_its_blocks_are_in_the_cache()
    {
        using var sim = new SimEngine(1);
        var store = Flushed(sim);
        var reads = sim.Disk.Count(DiskCall.Read);
        Find(store, "a").ShouldBe(Lookup.NeedsDisk);
        Find(store, "b").ShouldBe(Lookup.NeedsDisk);
        sim.Disk.Count(DiskCall.Read).ShouldBe(reads);

        store.Get("a").ShouldBe("v");
        reads = sim.Disk.Count(DiskCall.Read);
        Find(store, "a").ShouldBe(Lookup.Found);
        Find(store, "b").ShouldBe(Lookup.Absent, "the same block, or the filter, says so");
        sim.Disk.Count(DiskCall.Read).ShouldBe(reads);
    }

    /// <summary>Values so large that there are many blocks, and none of them stays in the cache: of those of a table that is open, the page cache holds about half.</summary>
    [Test]
    public void What_the_page_cache_holds_needs_no_disk()
    {
        const int Keys = 100;
        using var sim = new SimEngine(1, new SimDisk(1) { HoldsPages = true }, new StorageOptions { ReservedSpaceBytes = 0, BallastBytes = 0, BlockCacheBytes = 40 << 10 });
        var store = sim.Engine.CreatePartition(Id, "c"u8);
        for (var i = 0; i < Keys; i++)
        {
            var index = (ulong)i + 1;
            store.Put(new LogIndex(index), Records.Key($"{i:D3}"), Records.Value(new Prng(index), 15_000), Records.Info(index));
            store.Publish(Records.State(index));
        }

        sim.Engine.FlushAll();
        store.Get("000").ShouldNotBeNull();
        var reads = sim.Disk.Count(DiskCall.Read);
        Enumerable.Range(0, Keys).Count(i => Find(store, $"{i:D3}") == Lookup.Found).ShouldBeInRange(10, 90);
        sim.Disk.Fault = (call, _, _) => call == DiskCall.TryReadNow ? 11 : 0;
        Enumerable.Range(0, Keys).ShouldAllBe(i => Find(store, $"{i:D3}") == Lookup.NeedsDisk);
        sim.Disk.Count(DiskCall.Read).ShouldBe(reads);
    }

    [Test]
    public void A_newer_record_in_memory_hides_a_table_that_was_not_read()
    {
        using var sim = new SimEngine(1);
        var store = Flushed(sim);
        store.Put(10, "a", "w");
        Find(store, "a", out var info).ShouldBe(Lookup.Found);
        info.Revision.Version.Index.ShouldBe(new LogIndex(10));
    }

    [Test]
    public void A_cached_table_below_one_that_was_not_read_decides_nothing()
    {
        using var sim = new SimEngine(1, null, new StorageOptions { ReservedSpaceBytes = 0, BallastBytes = 0 });
        var store = Flushed(sim);
        store.Get("a").ShouldBe("v");
        store.Put(10, "a", "w");
        sim.Engine.FlushAll();
        Find(store, "a").ShouldBe(Lookup.NeedsDisk);
        store.Get("a").ShouldBe("w");
        Find(store, "a", out var info).ShouldBe(Lookup.Found);
        info.Revision.Version.Index.ShouldBe(new LogIndex(10));
    }

    [Test]
    public void Without_a_cache_tables_always_need_the_disk()
    {
        using var sim = new SimEngine(1, null, new StorageOptions { ReservedSpaceBytes = 0, BallastBytes = 0, BlockCacheBytes = 0 });
        var store = Flushed(sim);
        store.Get("a").ShouldBe("v");
        Find(store, "a").ShouldBe(Lookup.NeedsDisk);
    }

    /// <summary>Each byte of a table flipped once: whatever a search in memory says afterwards, a damaged table never makes it "absent".</summary>
    [Test]
    public void Damage_never_means_absent([Values] bool holdsPages)
    {
        using var whole = new SimEngine(1, new SimDisk(1) { HoldsPages = holdsPages });
        Flushed(whole);
        var path = whole.Disk.List(SimEngine.Directory).Select(name => $"{SimEngine.Directory}/{name}").Single(name => name.EndsWith(".sst", StringComparison.Ordinal));
        var damaged = 0;
        for (var at = 0; at < whole.Disk.Content(path).Length; at++)
        {
            var disk = whole.Disk.Clone();
            disk.FlipBit(path, at, at % 8);
            using var sim = new SimEngine(1, disk);
            var store = sim.Engine.Find(Id)!;
            Find(store, "a").ShouldBe(Lookup.NeedsDisk);
            try
            {
                store.Get("a").ShouldBe("v", $"byte {at}");
            }
            catch (CorruptionException e)
            {
                damaged++;
                e.Path.ShouldBe(path);
                Find(store, "a").ShouldBe(Lookup.NeedsDisk, $"byte {at}");
            }
        }

        damaged.ShouldBeGreaterThan(100);
    }

    [Test]
    public void It_allocates_nothing([Values] bool inTables)
    {
        using var sim = new SimEngine(1);
        var store = Flushed(sim);
        if (inTables) store.Get("a");
        var key = Records.Key("a");
        Run();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Run();
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBe(0);

        void Run()
        {
            for (var i = 0; i < 1_000; i++)
            {
                using var view = store.Pin();
                view.FindInMemory(key, false, out _);
            }
        }
    }

    private static PartitionStore Flushed(SimEngine sim)
    {
        var store = sim.Engine.CreatePartition(Id, "c"u8);
        store.Put(1, "a", "v");
        store.Put(2, "c", "v");
        sim.Engine.FlushAll();
        return store;
    }

    private static Lookup Find(PartitionStore store, string key) => Find(store, key, out _);

    private static Lookup Find(PartitionStore store, string key, out RecordInfo info)
    {
        using var view = store.Pin();
        return view.FindInMemory(Records.Key(key), includeOverlay: false, out info);
    }
}

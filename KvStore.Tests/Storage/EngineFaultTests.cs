using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Tests.Simulation;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage;

/// <summary>A disk that is full, and tables that are damaged or missing. Whatever was said to be durable stays, and nothing else is ever shown.</summary>
public sealed class EngineFaultTests
{
    private const int NoSpace = 28;
    private const ulong Entries = 120;
    private static readonly PartitionId[] Ids = [new(1), new(2)];

    /// <summary>The ballast may be used up already.</summary>
    [Test]
    public void A_start_needs_little_more_room_than_it_writes()
    {
        var (disk, models) = WorkAndClose(6);
        disk.CapacityBytes = disk.UsedBytes + (32 << 10);
        using var sim = new SimEngine(6, disk);
        foreach (var model in models) model.CheckAll(sim.Engine.Find(model.Id)!);
        sim.Engine.DropPartition(models[0].Id);
        sim.Scheduler.RunUntilIdle();
        sim.Listener.Failures.ShouldBeEmpty();
    }

    [TestCase(DiskCall.Open)]
    [TestCase(DiskCall.Write)]
    [TestCase(DiskCall.Rename)]
    public void A_write_that_finds_no_space_is_not_fatal_and_is_done_when_there_is_some(DiskCall refused)
    {
        using var sim = new SimEngine(1);
        var store = sim.Engine.CreatePartition(Ids[0], "c"u8);
        var model = new EngineModel(Ids[0]);
        var random = new Prng(1);
        sim.Disk.Fault = (call, _, path) => call == refused && path.EndsWith(".sst.tmp", StringComparison.Ordinal) ? NoSpace : 0;
        while (sim.Engine.Pressure != WritePressure.DiskFull)
        {
            model.Apply(store, random);
            sim.Scheduler.RunUntilIdle();
            sim.Listener.Failures.ShouldBeEmpty();
        }

        model.CheckAll(store);
        store.Durable.Index.ShouldBe(LogIndex.Zero);
        Should.Throw<DiskException>(sim.Engine.FlushAll).IsDiskFull.ShouldBeTrue();

        sim.Disk.Fault = null;
        sim.Scheduler.Advance(1_000_000_000);
        sim.Scheduler.RunUntilIdle();
        sim.Engine.Pressure.ShouldBe(WritePressure.None);
        store.Durable.Index.Value.ShouldBeGreaterThan(0ul);
        sim.Engine.FlushAll();
        store.Durable.Index.Value.ShouldBe(model.Last);
        model.CheckAll(store);
    }

    /// <summary>There is not enough to take writes again, but enough to go on, and to come by more.</summary>
    [Test]
    public void With_a_little_space_flushes_and_merges_go_on_and_make_more_of_it()
    {
        const long Reserve = 1 << 20;
        var disk = new SimDisk(1) { CapacityBytes = 16 << 20 };
        using var sim = new SimEngine(1, disk, SimEngine.SmallOptions with { ReservedSpaceBytes = Reserve });
        var store = sim.Engine.CreatePartition(Ids[0], "c"u8);
        var index = 0ul;
        var value = new byte[4_000];
        for (var i = 0; i < 1_000; i++)
        {
            new Prng((ulong)i).Fill(value);
            store.Put(new LogIndex(++index), Records.Key($"key{i}"), value, Records.Info(index));
            store.Publish(Records.State(index));
        }

        sim.Engine.FlushAll();
        sim.Scheduler.RunUntilIdle();
        disk.CreateDirectory("/other");
        using var other = disk.Open("/other/file", FileOpenMode.CreateNew);
        other.Allocate(disk.FreeBytes("/") - (Reserve / 2));

        // Once there is no space at all.
        disk.Fault = (call, _, path) => call == DiskCall.Write && path.EndsWith(".tmp", StringComparison.Ordinal) ? NoSpace : 0;
        for (var i = 0; i < 1_000; i++) store.Delete(++index, $"key{i}");
        Should.Throw<DiskException>(sim.Engine.FlushAll).IsDiskFull.ShouldBeTrue();
        disk.Fault = null;
        for (var i = 0; i < 60 && sim.Engine.Pressure == WritePressure.DiskFull; i++)
        {
            LookAgain(sim);
            sim.Scheduler.RunUntilIdle();
            store.Delete(++index, $"key{i}");
        }

        sim.Engine.Pressure.ShouldBe(WritePressure.None);
        sim.Listener.Failures.ShouldBeEmpty();
    }

    [Test]
    public void Writes_are_refused_before_the_disk_is_full_and_taken_again_when_space_is_freed()
    {
        var disk = new SimDisk(1) { CapacityBytes = 8 << 20 };
        var options = new StorageOptions { ReservedSpaceBytes = 2 << 20 };
        using var sim = new SimEngine(1, disk, options);
        sim.Engine.Pressure.ShouldBe(WritePressure.None);
        disk.CreateDirectory("/other");
        var ballast = disk.Open("/other/file", FileOpenMode.CreateNew);
        ballast.Allocate(5 << 20);
        LookAgain(sim);
        sim.Engine.Pressure.ShouldBe(WritePressure.DiskFull);
        ballast.Truncate(0);
        LookAgain(sim);
        sim.Engine.Pressure.ShouldBe(WritePressure.None);
        ballast.Dispose();
    }

    /// <summary>More than the reserve, and less than the flush needs: it waits, and nobody else will write and wake it.</summary>
    [Test]
    public void A_flush_larger_than_the_reserve_is_done_when_there_is_space_for_it()
    {
        var disk = new SimDisk(1);
        using var sim = new SimEngine(1, disk, SimEngine.SmallOptions with { ReservedSpaceBytes = 4 << 10 });
        var store = sim.Engine.CreatePartition(Ids[0], "c"u8);
        disk.CreateDirectory("/other");
        using var other = disk.Open("/other/file", FileOpenMode.CreateNew);
        disk.CapacityBytes = disk.UsedBytes + (1 << 20);
        other.Allocate(disk.FreeBytes("/") - (16 << 10));
        var index = 0ul;
        for (; !sim.Engine.IsFull; sim.Scheduler.RunUntilIdle())
        {
            store.Put(new LogIndex(++index), Records.Key($"key{index}"), Records.Value(new Prng(index), 1_000), Records.Info(index));
            store.Publish(Records.State(index));
        }

        for (var i = 0; i < 3; i++) LookAgain(sim);
        sim.Engine.Pressure.ShouldNotBe(WritePressure.None);
        store.Durable.Index.ShouldBe(LogIndex.Zero);
        other.Truncate(0);
        for (var i = 0; i < 3; i++) LookAgain(sim);
        sim.Engine.Pressure.ShouldBe(WritePressure.None);
        store.Durable.Index.Value.ShouldBeGreaterThan(0ul);
        sim.Listener.Failures.ShouldBeEmpty();
    }

    /// <summary>No inodes are left, or a quota is used up: of that the free space says nothing.</summary>
    [Test]
    public void A_ballast_that_cannot_be_created_is_done_without()
    {
        var disk = new SimDisk(1) { CapacityBytes = 8 << 20 };
        using var sim = new SimEngine(1, disk, SimEngine.SmallOptions with { ReservedSpaceBytes = 2 << 20, BallastBytes = 64 << 10 });
        disk.CreateDirectory("/other");
        using var other = disk.Open("/other/file", FileOpenMode.CreateNew);
        other.Allocate(6 << 20);
        LookAgain(sim);
        sim.Engine.Pressure.ShouldBe(WritePressure.DiskFull);
        disk.Delete($"{SimEngine.Directory}/BALLAST");
        disk.Fault = (call, _, path) => call == DiskCall.Open && path.EndsWith("BALLAST", StringComparison.Ordinal) ? NoSpace : 0;
        other.Truncate(0);
        LookAgain(sim);
        sim.Engine.Pressure.ShouldBe(WritePressure.None);
        sim.Listener.Failures.ShouldBeEmpty();
    }

    /// <summary>Reading a record whose table is damaged is an error that names the file; all others are read as ever.</summary>
    [Test]
    public void A_damaged_table_is_never_read_as_absence([Range(1, 3)] int seed)
    {
        var random = new Prng((ulong)seed);
        var (disk, models) = WorkAndClose((ulong)seed);
        var tables = disk.List(SimEngine.Directory).Where(name => name.EndsWith(".sst", StringComparison.Ordinal)).ToList();
        for (var round = 0; round < 60; round++)
        {
            var copy = disk.Clone();
            var path = $"{SimEngine.Directory}/{tables[random.Next(tables.Count)]}";
            if (random.Chance(1, 10)) copy.Delete(path);
            else copy.FlipBit(path, random.Next(copy.Content(path).Length), random.Next(8));
            using var sim = new SimEngine((ulong)round, copy);
            var errors = 0;
            foreach (var model in models)
                for (var key = 0; key < 60; key++) errors += CheckOrError(() => model.CheckGet(sim.Engine.Find(model.Id)!, $"key-{key:D3}"), path);
            foreach (var model in models) errors += CheckOrError(() => model.CheckAll(sim.Engine.Find(model.Id)!), path);
            if (errors > 0) sim.Listener.Corruptions.ShouldContain(report => report.Error.Path == path);
            sim.Listener.Failures.ShouldBeEmpty();
        }
    }

    [Test]
    public void Compaction_leaves_a_damaged_table_and_its_data_alone()
    {
        var (disk, models) = WorkAndClose(3);
        var path = $"{SimEngine.Directory}/{disk.List(SimEngine.Directory).Last(name => name.EndsWith(".sst", StringComparison.Ordinal))}";
        disk.FlipBit(path, 100, 3);
        using var sim = new SimEngine(3, disk);
        var random = new Prng(3);
        for (var round = 0; round < 20; round++)
        {
            foreach (var model in models)
                for (var i = 0; i < 10; i++) model.Apply(sim.Engine.Find(model.Id)!, random);
            sim.Engine.FlushAll();
            sim.Scheduler.RunUntilIdle();
        }

        sim.Listener.Corruptions.ShouldContain(report => report.Error.Path == path);
        sim.Listener.Failures.ShouldBeEmpty();
        disk.FileExists(path).ShouldBeTrue();
    }

    /// <summary>A disk that cannot open a file is no better than one that cannot read it: readers are told, and the engine goes on with the rest.</summary>
    [TestCase(DiskCall.Open, 5)]
    [TestCase(DiskCall.FileExists, 5)]
    [TestCase(DiskCall.Read, 5)]
    public void A_table_that_cannot_be_opened_or_read_is_as_good_as_damaged(DiskCall failing, int errno)
    {
        var (disk, models) = WorkAndClose(3);
        using var sim = new SimEngine(3, disk);
        disk.Fault = (call, _, path) => call == failing && path.EndsWith(".sst", StringComparison.Ordinal) ? errno : 0;
        foreach (var model in models)
        {
            var store = sim.Engine.Find(model.Id)!;
            Should.Throw<CorruptionException>(() => model.CheckAll(store)).Path.ShouldEndWith(".sst");
            Should.Throw<CorruptionException>(() => model.CheckScan(store, "", "")).Path.ShouldEndWith(".sst");
            Should.Throw<CorruptionException>(() => store.BeginExport());
        }

        var random = new Prng(3);
        for (var i = 0; i < 20; i++) models[0].Apply(sim.Engine.Find(models[0].Id)!, random);
        sim.Engine.FlushAll();
        sim.Scheduler.RunUntilIdle();
        sim.Listener.Failures.ShouldBeEmpty();
        sim.Listener.Corruptions.ShouldNotBeEmpty();
    }

    /// <summary>Too few descriptors is no damage: the reader is told, and leaves nothing pinned.</summary>
    [Test]
    public void A_scan_that_cannot_begin_pins_nothing()
    {
        const int TooManyFiles = 24;
        var (disk, models) = WorkAndClose(3);
        using var sim = new SimEngine(3, disk);
        models[0].Apply(sim.Engine.Find(models[0].Id)!, new Prng(3));
        disk.Fault = (call, _, path) => call == DiskCall.Open && path.EndsWith(".sst", StringComparison.Ordinal) ? TooManyFiles : 0;
        Should.Throw<DiskException>(() => models[0].CheckScan(sim.Engine.Find(models[0].Id)!, "", ""));
        Should.Throw<DiskException>(() => sim.Engine.Find(models[0].Id)!.BeginExport());
        disk.Fault = null;
        models[0].CheckScan(sim.Engine.Find(models[0].Id)!, "", "");
    }

    [Test]
    public void A_missing_table_is_reported_at_the_start()
    {
        var (disk, _) = WorkAndClose(4);
        var name = disk.List(SimEngine.Directory).First(name => name.EndsWith(".sst", StringComparison.Ordinal));
        disk.Delete($"{SimEngine.Directory}/{name}");
        using var sim = new SimEngine(4, disk);
        sim.Listener.Corruptions.ShouldContain(report => report.Error.Path.EndsWith(name, StringComparison.Ordinal) && report.Partition != null);
    }

    [Test]
    public void Without_CURRENT_the_tables_are_not_taken_for_rubbish()
    {
        var (disk, _) = WorkAndClose(5);
        disk.Delete($"{SimEngine.Directory}/CURRENT");
        var before = disk.List(SimEngine.Directory);
        Should.Throw<CorruptionException>(() => new SimEngine(5, disk));
        disk.List(SimEngine.Directory).ShouldBe(before);
    }

    private static int CheckOrError(Action check, string path)
    {
        try
        {
            check();
            return 0;
        }
        catch (CorruptionException e)
        {
            e.Path.ShouldBe(path);
            return 1;
        }
    }

    private static void LookAgain(SimEngine sim)
    {
        sim.Scheduler.Advance(1_000_000_000);
        sim.Scheduler.RunUntilIdle();
    }

    private static (SimDisk Disk, List<EngineModel> Models) WorkAndClose(ulong seed)
    {
        using var sim = new SimEngine(seed);
        var random = new Prng(seed);
        var models = Ids.Select(id => new EngineModel(id)).ToList();
        foreach (var model in models) sim.Engine.CreatePartition(model.Id, model.ConfigurationAt(0));
        for (ulong entry = 0; entry < Entries; entry++)
        {
            foreach (var model in models) model.Apply(sim.Engine.Find(model.Id)!, random);
            if (entry % 40 == 0) sim.Engine.FlushAll();
            sim.Scheduler.RunOne();
        }

        sim.Scheduler.RunUntilIdle();
        sim.Engine.FlushAll();
        return (sim.Disk, models);
    }
}

using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Tests.Simulation;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage.Compaction;

/// <summary>What compaction keeps, drops and makes room for.</summary>
public sealed class CompactionTests
{
    private SimEngine _sim = null!;
    private PartitionStore _store = null!;
    private ulong _index;

    [SetUp]
    public void Open()
    {
        _sim = new SimEngine(1);
        _store = _sim.Engine.CreatePartition(new PartitionId(1), "c"u8);
        _index = 0;
    }

    [TearDown]
    public void Close() => _sim.Dispose();

    [Test]
    public void Overwritten_data_is_given_up()
    {
        for (var round = 0; round < 30; round++) Fill(_store, 100, 500);
        Settle();
        TableBytes().ShouldBeLessThan(100 * 600 * 2);
        _sim.Engine.ReadStatistics().Levels[0].Tables.ShouldBeLessThan(SimEngine.SmallOptions.Level0CompactionTables);
    }

    [Test]
    public void Levels_below_the_first_hold_little_beside_the_last()
    {
        for (var round = 0; round < 40; round++) Fill(_store, 400, 500, from: round * 100);
        Settle();
        var levels = _sim.Engine.ReadStatistics().Levels;
        var last = levels[^1].Bytes;
        last.ShouldBeGreaterThan(0);
        ((double)levels.Sum(level => level.Bytes) / last).ShouldBeLessThan(1.3);
    }

    [Test]
    public void Tables_of_small_records_end_at_so_many()
    {
        for (var round = 0; round < 10; round++) Fill(_store, 1_000, 8);
        Settle();
        var tables = StorageInspection.Inspect(_sim.Disk, SimEngine.Directory, static problem => throw new AssertionException(problem.ToString())).Tables;
        var below = tables.Where(table => table.Level > 0).ToList();
        below.Max(table => table.Records).ShouldBe(SimEngine.SmallOptions.TableRecords);
        below.Max(table => table.Bytes).ShouldBeLessThan(SimEngine.SmallOptions.TableBytes);
        for (var i = 0; i < 1_000; i += 17) _store.Get($"key{i:D4}").ShouldNotBeNull();
    }

    [TestCase(0, TestName = "A table damaged in level 0 does not hold up level 0, and nothing older comes to light")]
    [TestCase(5, TestName = "A table damaged in a deep level does not hold up level 0, and nothing older comes to light")]
    public void Damage_holds_up_nothing(int rounds)
    {
        for (var round = 0; round < rounds; round++) Fill(_store, 100, 500);
        Settle();
        var before = Tables();
        _store.Put(++_index, "key0050", "damaged");
        if (rounds == 0) Fill(_store, 100, 500);
        _sim.Engine.FlushAll();
        foreach (var path in rounds == 0 ? Tables().Except(before) : before) _sim.Disk.FlipBit(path, 30, 1);
        for (var round = 0; round < 60; round++)
        {
            _store.Put(++_index, "key0050", $"round {round}");
            Fill(_store, 100, 200);
            _store.Put(++_index, "key0051", $"round {round}");
            _sim.Engine.FlushAll();
            Settle();
            Pass(2);
            _sim.Engine.ReadStatistics().Levels[0].Tables.ShouldBeLessThanOrEqualTo(SimEngine.SmallOptions.Level0CompactionTables + 1, $"round {round}");
            _store.Get("key0051").ShouldBe($"round {round}");
        }

        _sim.Listener.Corruptions.ShouldNotBeEmpty();
    }

    /// <summary>Of the whole key range each, so that nothing passes them: each takes a level for itself, and what is newer another.</summary>
    [Test]
    public void Five_damaged_tables_hold_up_nothing()
    {
        for (var round = 0; round < 55; round++)
        {
            var before = Tables();
            _store.Put(++_index, "key0050", $"round {round}");
            Fill(_store, 100, 200);
            _store.Put(++_index, "key0051", $"round {round}");
            _sim.Engine.FlushAll();
            if (round % 10 == 5) _sim.Disk.FlipBit(Tables().Except(before).First(), 30, 1);
            Settle();
            Pass(3);
            _sim.Engine.ReadStatistics().Levels[0].Tables.ShouldBeLessThanOrEqualTo(SimEngine.SmallOptions.Level0CompactionTables, $"round {round}");
            if (round % 10 != 5) _store.Get("key0051").ShouldBe($"round {round}");
        }

        _sim.Listener.Corruptions.Select(c => c.Error.Path).Distinct().Count().ShouldBe(5);
    }

    [Test]
    public void What_could_not_be_read_for_a_moment_is_merged_later()
    {
        for (var round = 0; round < 4; round++) Fill(_store, 100, 500);
        Settle();
        _sim.Disk.Fault = (call, _, path) => call == DiskCall.Read && path.EndsWith(".sst", StringComparison.Ordinal) ? 5 : 0;
        for (var round = 0; round < 6; round++)
        {
            Fill(_store, 100, 500);
            Settle();
            Pass(1);
        }

        _sim.Listener.Corruptions.Count.ShouldBeInRange(1, 12, "not table after table");
        _sim.Disk.Fault = null;
        Pass(40);
        Settle();
        _sim.Engine.ReadStatistics().Levels[0].Tables.ShouldBeLessThan(SimEngine.SmallOptions.Level0CompactionTables);
        TableBytes().ShouldBeLessThan(100 * 600 * 2, "all that was quarantined has been merged");
    }

    /// <summary>Out of descriptors or memory.</summary>
    [TestCase(24)]
    [TestCase(12)]
    public void A_shortage_is_waited_for(int errno)
    {
        Fill(_store, 100, 500);
        _sim.Disk.Fault = (call, _, path) => call == DiskCall.Open && path.Contains(".sst", StringComparison.Ordinal) ? errno : 0;
        for (var i = 0; i < 400; i++) _store.Put(++_index, $"key{i % 100:D4}", new string('x', 500));
        _sim.Scheduler.RunUntilIdle();
        Pass(3);
        Should.Throw<DiskException>(_sim.Engine.FlushAll).IsShortage.ShouldBeTrue();
        _store.Durable.Index.Value.ShouldBeLessThan(_index);
        _sim.Disk.Fault = null;
        Pass(3);
        Settle();
        _store.Durable.Index.Value.ShouldBe(_index);
        _sim.Engine.ReadStatistics().Levels[0].Tables.ShouldBeLessThan(SimEngine.SmallOptions.Level0CompactionTables);
        _sim.Listener.Failures.ShouldBeEmpty();
        _sim.Listener.Corruptions.ShouldBeEmpty();
    }

    private List<string> Tables() =>
        [.. _sim.Disk.List(SimEngine.Directory).Where(name => name.EndsWith(".sst", StringComparison.Ordinal)).Select(name => $"{SimEngine.Directory}/{name}")];

    [Test]
    public void A_tombstone_stays_until_the_floor_has_passed_it()
    {
        Fill(_store, 100, 100);
        for (var i = 0; i < 100; i++) _store.Delete(++_index, $"key{i:D4}");
        Rewrite();
        TombstonesStored().ShouldBe(100);
        _store.SetFloor(new LogIndex(_index));
        _store.Publish(Records.State(++_index));
        Rewrite();
        Rewrite();
        TombstonesStored().ShouldBe(0);
        using var view = _store.Pin();
        view.TryGet("key0001"u8, false, out _, out _).ShouldBeFalse();
    }

    [Test]
    public void The_value_of_an_expired_record_is_given_up_and_the_record_stays()
    {
        for (var i = 0; i < 50; i++)
        {
            _store.Put(new LogIndex(++_index), Records.Key($"key{i:D4}"), Records.Value(new Prng((ulong)i), 1000), Records.Info(_index, expiresAtMs: 5));
            _store.Publish(Records.State(_index));
        }

        _sim.Engine.FlushAll();
        TableBytes().ShouldBeGreaterThan(50_000);
        Rewrite();
        Rewrite();
        using var view = _store.Pin();
        view.TryGet("key0007"u8, false, out var info, out var value).ShouldBeTrue();
        info.ShouldBe(Records.Info(8, expiresAtMs: 5));
        value.IsEmpty.ShouldBeTrue();
    }

    [Test]
    public void A_dropped_partition_gives_its_space_back()
    {
        var others = Enumerable.Range(2, 5).Select(id => _sim.Engine.CreatePartition(new PartitionId((ushort)id), "c"u8)).ToList();
        Fill(_store, 300, 500);
        foreach (var other in others) Fill(other, 20, 500);
        Settle();
        var before = TableBytes();
        _sim.Engine.DropPartition(_store.Id);
        Settle();
        TableBytes().ShouldBeLessThan(before / 2);
        foreach (var other in others) other.Get("key0003").ShouldNotBeNull();
    }

    [Test]
    public void What_was_dropped_before_a_restart_is_given_up_after_it()
    {
        Fill(_store, 300, 500);
        Settle();
        var disk = _sim.Disk;
        _sim.Engine.DropPartition(_store.Id);
        _sim.Dispose();
        _sim = new SimEngine(2, disk);
        Settle();
        TableBytes().ShouldBe(0);
    }

    [Test]
    public void Writers_are_slowed_then_stalled_while_compaction_is_behind_and_go_on_after_it()
    {
        var seen = new List<WritePressure>();
        for (var round = 0; round < 10 * SimEngine.SmallOptions.Level0CompactionTables; round++)
        {
            Fill(_store, 10, 100);
            _sim.Engine.FlushAll();
            seen.Add(_sim.Engine.Pressure);
        }

        seen.ShouldContain(WritePressure.None);
        seen.ShouldContain(WritePressure.SlowDown);
        seen[^1].ShouldBe(WritePressure.Stall);
        _sim.Scheduler.RunUntilIdle();
        _sim.Engine.Pressure.ShouldBe(WritePressure.None);
    }

    [Test]
    public void Memory_holds_writers_up_while_a_flush_is_behind()
    {
        var value = new byte[1000];
        while (_sim.Engine.Pressure != WritePressure.Stall)
        {
            _store.Put(new LogIndex(++_index), Records.Key($"key{_index}"), value, Records.Info(_index));
            _store.Publish(Records.State(_index));
        }

        _sim.Engine.ReadStatistics().MemTableBytes.ShouldBeInRange(96 << 10, 200 << 10);
        _sim.Scheduler.RunUntilIdle();
        _sim.Engine.Pressure.ShouldBe(WritePressure.None);
    }

    [Test]
    public void The_rate_limiter_spreads_compaction_over_time()
    {
        _sim.Dispose();
        var options = new StorageOptions
        {
            MemTableBytes = 8 << 20,
            TableBytes = 1 << 20,
            BaseLevelBytes = 24 << 10,
            Level0CompactionTables = 3,
            ReservedSpaceBytes = 0,
            BallastBytes = 0,
            CompactionBytesPerSecond = 1 << 20,
        };
        _sim = new SimEngine(1, null, options);
        _store = _sim.Engine.CreatePartition(new PartitionId(1), "c"u8);
        for (var round = 0; round < 3; round++) Fill(_store, 2000, 1500);
        var start = _sim.Scheduler.BootTimeNs;
        while (_sim.Engine.ReadStatistics().Compactions == 0 && _sim.Scheduler.BootTimeNs < start + 60_000_000_000)
        {
            _sim.Scheduler.RunUntilIdle();
            _sim.Scheduler.Advance(10_000_000);
        }

        var seconds = (_sim.Scheduler.BootTimeNs - start) / 1e9;
        seconds.ShouldBeInRange(1.5, 6, "3 MiB at 1 MiB/s, with a burst of a quarter of a second");
    }

    private void Fill(PartitionStore store, int keys, int valueBytes, int from = 0)
    {
        var random = new Prng(_index);
        var index = store.Applied.Index.Value;
        for (var i = from; i < from + keys; i++)
        {
            index++;
            store.Put(new LogIndex(index), Records.Key($"key{i:D4}"), Records.Value(random, valueBytes), Records.Info(index));
            store.Publish(Records.State(index));
        }

        if (store == _store) _index = index;
        _sim.Engine.FlushAll();
    }

    private void Settle()
    {
        _sim.Scheduler.RunUntilIdle();
        _sim.Engine.FlushAll();
        _sim.Scheduler.RunUntilIdle();
    }

    private void Pass(int seconds)
    {
        for (var i = 0; i < seconds; i++)
        {
            _sim.Scheduler.Advance(1_000_000_000);
            _sim.Scheduler.RunUntilIdle();
        }
    }

    /// <summary>Enough small flushes over the whole key range that everything is merged once.</summary>
    private void Rewrite()
    {
        for (var i = 0; i < SimEngine.SmallOptions.Level0CompactionTables; i++)
        {
            _store.Put(++_index, "key", "first");
            _store.Put(++_index, "key9999", "last");
            _sim.Engine.FlushAll();
        }

        _sim.Scheduler.RunUntilIdle();
    }

    private long TableBytes() => _sim.Engine.ReadStatistics().Levels.Sum(level => level.Bytes);

    private long TombstonesStored() => StorageInspection.Inspect(_sim.Disk, SimEngine.Directory, static problem => throw new AssertionException(problem.ToString())).Tables.Sum(table => table.Tombstones);
}

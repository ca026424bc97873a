using KvStore.Core.Storage;
using KvStore.Core.Storage.Compaction;
using KvStore.Tests.Simulation;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage.Compaction;

/// <summary>A writer that could write ten times as fast as the disk, before a model of flush and compaction.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class WriteControllerTests
{
    private const long NsPerSecond = 1_000_000_000;
    private const long WriteBytes = 16 << 10;

    private readonly SimScheduler _time = new(1);
    private readonly StorageOptions _options = new() { MemTableBytes = 64 << 20, Level0CompactionTables = 4 };
    private long _active;
    private long _frozen;
    private long _flushEndsNs;
    private int _level0;
    private int _merging;
    private long _mergeEndsNs;
    private long _longestPauseNs;
    private int _stalls;

    /// <summary>Speeds in MB/s; the estimates begin wrong by far, and each speed is off by up to a half from one time to the next.</summary>
    [TestCase(100, 12)]
    [TestCase(30, 60)]
    [TestCase(400, 5)]
    [TestCase(15, 15)]
    public void A_fast_writer_is_held_to_the_speed_of_the_disk_and_never_stopped(int flushSpeed, int compactionSpeed)
    {
        var controller = new WriteController(_time, _options);
        var random = new Core.Primitives.Prng(7);
        long written = 0;
        const long Seconds = 600;
        while (_time.BootTimeNs < Seconds * NsPerSecond)
        {
            if (controller.Pressure(_active + _frozen, _level0) == WritePressure.Stall) _stalls++;
            controller.TryPace(WriteBytes, _active + _frozen, _level0, out var pause).ShouldBeTrue();
            _longestPauseNs = Math.Max(_longestPauseNs, pause);
            _time.Advance(Math.Max(pause, 160_000));
            _active += WriteBytes;
            written += WriteBytes;
            Background(controller, flushSpeed * (0.5 + (random.Next(1000) / 1000.0)), compactionSpeed * (0.5 + (random.Next(1000) / 1000.0)));
        }

        _stalls.ShouldBe(0);
        _longestPauseNs.ShouldBeLessThanOrEqualTo(100_000_000);
        var possible = Math.Min(flushSpeed, compactionSpeed) * 1e6 * Seconds;
        ((double)written).ShouldBeInRange(0.7 * possible, (1.4 * possible) + (22 * 64e6));
    }

    [Test]
    public void Nobody_waits_while_flush_and_compaction_keep_up()
    {
        var controller = new WriteController(_time, _options);
        controller.OnFlushBegun(64 << 20);
        controller.OnLevel0(11);
        PauseOf(controller, 95 << 20, 11).ShouldBe(0);
        controller.Pressure(95 << 20, 11).ShouldBe(WritePressure.None);
        PauseOf(controller, 97 << 20, 11).ShouldBeGreaterThan(0);
        PauseOf(controller, 95 << 20, 12).ShouldBeGreaterThan(0);
    }

    [Test]
    public void Of_many_writers_at_once_some_are_refused_and_the_others_wait_a_second_at_most()
    {
        var controller = new WriteController(_time, _options);
        long taken = 0;
        while (controller.TryPace(WriteBytes, 0, 19, out var pause) && taken < 1_000_000)
        {
            pause.ShouldBeLessThanOrEqualTo(NsPerSecond);
            taken++;
        }

        taken.ShouldBeInRange(60, 4096);
        _time.Advance(NsPerSecond / 2);
        controller.TryPace(WriteBytes, 0, 19, out _).ShouldBeTrue();
    }

    private static long PauseOf(WriteController controller, long memTableBytes, int level0Tables)
    {
        controller.TryPace(1 << 20, memTableBytes, level0Tables, out var pause).ShouldBeTrue();
        return pause;
    }

    [Test]
    public void At_the_bound_of_memory_and_of_level_0_writes_are_refused()
    {
        var controller = new WriteController(_time, _options);
        controller.Pressure(128 << 20, 0).ShouldBe(WritePressure.Stall);
        controller.Pressure(0, 40).ShouldBe(WritePressure.Stall);
        controller.Pressure((128 << 20) - 1, 39).ShouldBe(WritePressure.SlowDown);
    }

    private void Background(WriteController controller, double flushSpeed, double compactionSpeed)
    {
        var now = _time.BootTimeNs;
        if (_frozen > 0 && now >= _flushEndsNs)
        {
            controller.OnFlushEnded(_frozen);
            _frozen = 0;
            controller.OnLevel0(++_level0);
        }

        if (_frozen == 0 && _active >= _options.MemTableBytes)
        {
            (_frozen, _active) = (_active, 0);
            controller.OnFlushBegun(_frozen);
            _flushEndsNs = now + (long)(_frozen / (flushSpeed * 1e6) * NsPerSecond);
        }

        if (_merging > 0 && now >= _mergeEndsNs)
        {
            _level0 -= _merging;
            controller.OnDrained(_merging * _options.MemTableBytes);
            controller.OnLevel0(_level0);
            _merging = 0;
        }

        if (_merging == 0 && _level0 >= _options.Level0CompactionTables)
        {
            _merging = 4;
            _mergeEndsNs = now + (long)(_merging * _options.MemTableBytes / (compactionSpeed * 1e6) * NsPerSecond);
        }
    }
}

using KvStore.Core.Io;
using KvStore.Core.Node;
using KvStore.Core.Primitives;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Node;

public sealed class HybridClockTests
{
    private const long Epoch = 1_764_000_000_000;
    private static readonly NodeId Self = new(1);
    private static readonly NodeId Peer = new(2);

    [Test]
    public void A_reading_carries_the_wall_clock_and_the_node() =>
        new HybridClock(new SetClock(Epoch), Self).Now().ShouldBe(HybridTimestamp.FromWallMs(Epoch, 0, Self));

    [Test]
    public void Readings_within_one_millisecond_count_up()
    {
        var clock = new HybridClock(new SetClock(Epoch), Self);
        clock.Now();
        clock.Now().ShouldBe(HybridTimestamp.FromWallMs(Epoch, 1, Self));
    }

    [Test]
    public void A_full_counter_carries_into_the_milliseconds()
    {
        var clock = new HybridClock(new SetClock(Epoch), Self);
        for (var i = 0; i < 65_536; i++) clock.Now();
        clock.Now().ShouldBe(HybridTimestamp.FromWallMs(Epoch + 1, 0, Self));
    }

    [Test]
    public void A_wall_clock_that_runs_back_does_not_take_the_readings_back()
    {
        var wall = new SetClock(Epoch);
        var clock = new HybridClock(wall, Self);
        var before = clock.Now();
        wall.WallMs = Epoch - 3_600_000;
        clock.Now().ShouldBe(HybridTimestamp.FromWallMs(Epoch, 1, Self));
        wall.WallMs = -5;
        clock.Now().ShouldBeGreaterThan(before);
    }

    [Test]
    public void A_restart_begins_above_the_recorded_ceiling()
    {
        var ceiling = HybridTimestamp.FromWallMs(Epoch + 500, 7, Self);
        var clock = new HybridClock(new SetClock(Epoch), Self, ceiling.Ticks);
        clock.Latest.ShouldBe(ceiling.Ticks);
        clock.Now().ShouldBe(HybridTimestamp.FromWallMs(Epoch + 500, 8, Self));
    }

    [Test]
    public void What_was_observed_lies_before_the_next_reading()
    {
        var clock = new HybridClock(new SetClock(Epoch), Self);
        clock.Observe(HybridTimestamp.FromWallMs(Epoch + 20, 3, Peer), maxSkewMs: 10_000).ShouldBeTrue();
        clock.Now().ShouldBe(HybridTimestamp.FromWallMs(Epoch + 20, 4, Self));
    }

    [Test]
    public void An_older_observation_changes_nothing()
    {
        var clock = new HybridClock(new SetClock(Epoch), Self);
        var latest = clock.Now();
        clock.Observe(HybridTimestamp.FromWallMs(Epoch - 50_000, 0, Peer), maxSkewMs: 10).ShouldBeTrue();
        clock.Latest.ShouldBe(latest.Ticks);
    }

    [Test]
    public void A_timestamp_too_far_ahead_is_refused_and_leaves_no_trace()
    {
        var clock = new HybridClock(new SetClock(Epoch), Self);
        clock.Observe(HybridTimestamp.FromWallMs(Epoch + 10_001, 0, Peer), maxSkewMs: 10_000).ShouldBeFalse();
        clock.Observe(new HybridTimestamp(ulong.MaxValue, Peer), maxSkewMs: 10_000).ShouldBeFalse();
        clock.Latest.ShouldBe(0UL);
        clock.Observe(HybridTimestamp.FromWallMs(Epoch + 10_000, 65_535, Peer), maxSkewMs: 10_000).ShouldBeTrue();
    }

    /// <summary>Skew is measured against the wall clock, not the last reading: else nodes could pull one another ahead without end.</summary>
    [Test]
    public void Observations_cannot_ratchet_the_clock_past_the_limit()
    {
        var clock = new HybridClock(new SetClock(Epoch), Self);
        clock.Observe(HybridTimestamp.FromWallMs(Epoch + 10_000, 0, Peer), maxSkewMs: 10_000).ShouldBeTrue();
        clock.Observe(HybridTimestamp.FromWallMs(Epoch + 20_000, 0, Peer), maxSkewMs: 10_000).ShouldBeFalse();
    }

    [Test]
    public void Readings_of_many_threads_are_distinct_and_each_thread_sees_them_rise()
    {
        var clock = new HybridClock(new SetClock(Epoch), Self);
        var readings = new ulong[4][];
        var threads = Enumerable.Range(0, readings.Length).Select(t => new Thread(() =>
        {
            readings[t] = new ulong[50_000];
            for (var i = 0; i < readings[t].Length; i++)
            {
                if (i % 8 == 0) clock.Observe(new HybridTimestamp(clock.Latest + 3, Peer), maxSkewMs: 10_000);
                readings[t][i] = clock.Now().Ticks;
            }
        })).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        readings.SelectMany(r => r).Distinct().Count().ShouldBe(4 * 50_000);
        foreach (var own in readings) own.ShouldBe(own.Order());
    }

    private sealed class SetClock(long wallMs) : IClock
    {
        public long BootTimeNs => 0;

        public long WallMs { get; set; } = wallMs;
    }
}

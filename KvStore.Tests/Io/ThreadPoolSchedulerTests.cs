using KvStore.Core.Io;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Io;

[TestFixture]
public sealed class ThreadPoolSchedulerTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    [Test]
    public void Posted_items_all_run()
    {
        var scheduler = new ThreadPoolScheduler(Throw);
        using var done = new CountdownEvent(10_000);
        var item = new Item(() => done.Signal());
        for (var i = 0; i < 10_000; i++) scheduler.Post(item);
        done.Wait(Deadline).ShouldBeTrue();
    }

    [Test]
    public void A_lane_runs_its_items_one_at_a_time_in_order_and_finishes_them_before_it_ends()
    {
        var ran = new List<int>();
        var lane = new ThreadPoolScheduler(Throw).CreateLane("test");
        for (var i = 0; i < 1_000; i++)
        {
            var number = i;
            lane.Post(new Item(() => ran.Add(number)));
        }

        lane.Dispose();
        ran.ShouldBe(Enumerable.Range(0, 1_000));
        Should.Throw<ObjectDisposedException>(() => lane.Post(new Item(() => { })));
    }

    /// <summary>Many at once: timers of the runtime look at a clock of coarse ticks when one of them is due, and then take others for due as well.</summary>
    [Test]
    public void Delayed_items_run_not_before_their_time()
    {
        const int Count = 400;
        var clock = new SystemClock();
        var scheduler = new ThreadPoolScheduler(Throw);
        var early = new System.Collections.Concurrent.ConcurrentQueue<string>();
        using var done = new CountdownEvent(Count);
        for (var i = 0; i < Count; i++)
        {
            var delayNs = 1_000_000 + (i * 173_000L);
            var due = clock.BootTimeNs + delayNs;
            scheduler.PostAfter(delayNs, new Item(() =>
            {
                if (clock.BootTimeNs is var now && now < due) early.Enqueue($"after {delayNs - (due - now)} of {delayNs} ns");
                done.Signal();
            }));
        }

        done.Wait(Deadline).ShouldBeTrue();
        early.ShouldBeEmpty();
    }

    [Test]
    public void A_delayed_item_that_is_cancelled_does_not_run()
    {
        var clock = new SystemClock();
        var scheduler = new ThreadPoolScheduler(Throw);
        var ran = new System.Collections.Concurrent.ConcurrentQueue<int>();
        var cancelled = new List<int>();
        using var done = new ManualResetEventSlim();
        for (var i = 0; i < 100; i++)
        {
            var (number, due) = (i, clock.BootTimeNs + 20_000_000);
            scheduler.PostAfter(20_000_000, new Item(() => ran.Enqueue(number))).Dispose();
            if (clock.BootTimeNs < due) cancelled.Add(number);
        }

        scheduler.PostAfter(60_000_000, new Item(done.Set));
        done.Wait(Deadline).ShouldBeTrue();
        cancelled.Count.ShouldBeGreaterThan(0);
        ran.Intersect(cancelled).ShouldBeEmpty();
    }

    [Test]
    public void An_exception_goes_to_the_fatal_handler_and_ends_the_lane()
    {
        var fatal = new System.Collections.Concurrent.ConcurrentQueue<string>();
        var scheduler = new ThreadPoolScheduler(e => fatal.Enqueue(e.Message));
        var lane = scheduler.CreateLane("test");
        var later = false;
        lane.Post(new Item(() => throw new InvalidOperationException("lane")));
        lane.Post(new Item(() => later = true));
        lane.Dispose();
        scheduler.Post(new Item(() => throw new InvalidOperationException("pool")));
        SpinWait.SpinUntil(() => fatal.Count == 2, Deadline).ShouldBeTrue();
        fatal.ShouldBe(["lane", "pool"]);
        later.ShouldBeFalse();
    }

    [Test]
    public void The_clocks_move_and_agree_with_the_system()
    {
        var clock = new SystemClock();
        var first = clock.BootTimeNs;
        SpinWait.SpinUntil(() => clock.BootTimeNs > first, Deadline).ShouldBeTrue();
        Math.Abs(clock.WallMs - DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()).ShouldBeLessThan(60_000);
    }

    private static void Throw(Exception e) => throw new InvalidOperationException("unexpected", e);

    private sealed class Item(Action action) : IWorkItem
    {
        public void Execute() => action();
    }
}

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

    [Test]
    public void A_delayed_item_runs_not_before_its_time_and_not_at_all_when_cancelled()
    {
        var clock = new SystemClock();
        var scheduler = new ThreadPoolScheduler(Throw);
        var cancelled = false;
        using var done = new ManualResetEventSlim();
        scheduler.PostAfter(60_000_000_000, new Item(() => cancelled = true)).Dispose();
        var start = clock.BootTimeNs;
        long ranAt = 0;
        scheduler.PostAfter(20_000_000, new Item(() =>
        {
            ranAt = clock.BootTimeNs;
            done.Set();
        }));
        done.Wait(Deadline).ShouldBeTrue();
        (ranAt - start).ShouldBeGreaterThanOrEqualTo(19_000_000);
        cancelled.ShouldBeFalse();
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

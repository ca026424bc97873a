using KvStore.Core.Io;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Io;

[TestFixture]
public sealed class TurnTests
{
    private readonly List<string> _done = [];
    private readonly ThreadPoolScheduler _scheduler = new(e => throw e);

    [SetUp]
    public void Clear() => _done.Clear();

    [Test]
    public void What_is_posted_runs_at_the_end_in_order_on_the_same_thread()
    {
        var thread = Environment.CurrentManagedThreadId;
        Turn.Begin();
        foreach (var name in (string[])["a", "b"])
            _scheduler.PostNext(new Item(() => _done.Add($"{name} {Environment.CurrentManagedThreadId == thread}")));
        _done.ShouldBeEmpty();
        Turn.End();
        _done.ShouldBe(["a True", "b True"]);
    }

    [Test]
    public void A_turn_within_a_turn_ends_with_it()
    {
        Turn.Begin();
        Turn.Begin();
        _scheduler.PostNext(new Item(() => _done.Add("inner")));
        Turn.End();
        _done.ShouldBeEmpty();
        Turn.End();
        _done.ShouldBe(["inner"]);
    }

    [Test]
    public void Work_of_a_turns_end_goes_to_another_thread_so_that_the_turn_ends()
    {
        var thread = Environment.CurrentManagedThreadId;
        using var ran = new ManualResetEventSlim();
        var elsewhere = false;
        Turn.Begin();
        _scheduler.PostNext(new Item(() => _scheduler.PostNext(new Item(() =>
        {
            elsewhere = Environment.CurrentManagedThreadId != thread;
            ran.Set();
        }))));
        Turn.End();
        ran.Wait(TimeSpan.FromSeconds(20)).ShouldBeTrue();
        elsewhere.ShouldBeTrue();
    }

    [Test]
    public void After_a_turn_and_outside_of_one_the_pool_runs_it()
    {
        Turn.Begin();
        Turn.End();
        using var ran = new ManualResetEventSlim();
        _scheduler.PostNext(new Item(ran.Set));
        ran.Wait(TimeSpan.FromSeconds(20)).ShouldBeTrue();
    }

    [Test]
    public void An_item_that_throws_is_reported_and_the_others_still_run()
    {
        Exception? reported = null;
        var scheduler = new ThreadPoolScheduler(e => reported = e);
        Turn.Begin();
        scheduler.PostNext(new Item(() => throw new InvalidOperationException("planted")));
        scheduler.PostNext(new Item(() => _done.Add("after")));
        Turn.End();
        reported.ShouldBeOfType<InvalidOperationException>();
        _done.ShouldBe(["after"]);
    }

    private sealed class Item(Action action) : IWorkItem
    {
        public void Execute() => action();
    }
}

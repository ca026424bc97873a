using System.Collections.Concurrent;

namespace KvStore.Core.Io;

/// <summary>
/// The scheduler of a real process: the thread pool, timers, and one background thread per lane.
/// An exception that leaves an item means that the node's state can no longer be trusted: it goes to
/// <paramref name="onFatal"/>, which must stop the node. It may be called from any thread, more than once.
/// </summary>
public sealed class ThreadPoolScheduler(Action<Exception> onFatal) : IScheduler
{
    private readonly ConcurrentQueue<PooledWork> _idle = new();

    public void Post(IWorkItem item) => ThreadPool.UnsafeQueueUserWorkItem(Carry(item), preferLocal: false);

    public void PostNext(IWorkItem item)
    {
        var work = Carry(item);
        if (!Turn.TryPost(work)) ThreadPool.UnsafeQueueUserWorkItem(work, preferLocal: false);
    }

    public IDisposable PostAfter(long delayNs, IWorkItem item) =>
        new DelayedWork(this, item, ToMilliseconds(delayNs));

    public ILane CreateLane(string name) => new ThreadLane(name, onFatal);

    /// <summary>Rounded up: an item never runs before its time.</summary>
    private static long ToMilliseconds(long delayNs) => Math.Max(0, (delayNs + 999_999) / 1_000_000);

    private PooledWork Carry(IWorkItem item)
    {
        if (!_idle.TryDequeue(out var work)) work = new PooledWork(this);
        work.Item = item;
        return work;
    }

    private void Run(IWorkItem item)
    {
        Turn.Begin();
        try
        {
            item.Execute();
        }
        catch (Exception e)
        {
            onFatal(e);
        }
        finally
        {
            Turn.End();
        }
    }

    /// <summary>Carries an item to the thread that runs it and is used again, so that posting allocates nothing.</summary>
    private sealed class PooledWork(ThreadPoolScheduler owner) : IThreadPoolWorkItem, IWorkItem
    {
        public IWorkItem? Item { get; set; }

        public void Execute()
        {
            var item = Item!;
            Item = null;
            owner._idle.Enqueue(this);
            owner.Run(item);
        }
    }

    /// <summary>The one-argument constructor makes the timer its own state, so that it is not collected while it runs, whether or not the caller keeps the result.</summary>
    private sealed class DelayedWork : IDisposable
    {
        private readonly Timer _timer;

        public DelayedWork(ThreadPoolScheduler owner, IWorkItem item, long delayMs)
        {
            _timer = new Timer(_ => owner.Run(item));
            _timer.Change(delayMs, Timeout.Infinite);
        }

        public void Dispose() => _timer.Dispose();
    }
}

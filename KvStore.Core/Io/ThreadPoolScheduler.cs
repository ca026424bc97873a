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
    private readonly SystemClock _clock = new();

    public void Post(IWorkItem item) => ThreadPool.UnsafeQueueUserWorkItem(Carry(item), preferLocal: false);

    public void PostNext(IWorkItem item)
    {
        var work = Carry(item);
        if (!Turn.TryPost(work)) ThreadPool.UnsafeQueueUserWorkItem(work, preferLocal: false);
    }

    public IDisposable PostAfter(long delayNs, IWorkItem item) =>
        new DelayedWork(this, item, delayNs);

    public ILane CreateLane(string name, bool inBackground = false) => new ThreadLane(name, inBackground, onFatal);

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

    /// <summary>
    /// Never runs its item before its time: the runtime counts the coarse ticks of the system, and its timers may fire several milliseconds early.
    /// The one-argument constructor makes the timer its own state, so that it is not collected while it runs, whether or not the caller keeps the result.
    /// </summary>
    private sealed class DelayedWork : IDisposable
    {
        private readonly ThreadPoolScheduler _owner;
        private readonly IWorkItem _item;
        private readonly Timer _timer;
        private readonly long _dueNs;

        public DelayedWork(ThreadPoolScheduler owner, IWorkItem item, long delayNs)
        {
            (_owner, _item, _dueNs) = (owner, item, owner._clock.BootTimeNs + delayNs);
            _timer = new Timer(_ => OnTimer());
            Start(delayNs);
        }

        public void Dispose() => _timer.Dispose();

        private void OnTimer()
        {
            var leftNs = _dueNs - _owner._clock.BootTimeNs;
            if (leftNs > 0) Start(leftNs);
            else _owner.Run(_item);
        }

        private void Start(long leftNs) => _timer.Change((Math.Max(0, leftNs) + 999_999) / 1_000_000, Timeout.Infinite);
    }
}

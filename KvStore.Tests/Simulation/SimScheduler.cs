using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Tests.Simulation;

/// <summary>
/// One thread, one seed: pool items, lanes and timers run when the test says so, in an order drawn from the seed (each lane in its own order).
/// The clock stands still except when <see cref="Advance"/> moves it.
/// </summary>
public sealed class SimScheduler(ulong seed) : IScheduler, IClock
{
    private readonly Prng _random = new(seed);
    private readonly List<SimLane> _lanes = [];
    private readonly List<IWorkItem> _pool = [];
    private readonly List<SimTimer> _timers = [];
    private long _timerNumber;

    public long BootTimeNs { get; private set; } = 1_000_000_000;

    public long WallMs => 1_700_000_000_000 + BootTimeNs / 1_000_000;

    public void Post(IWorkItem item) => _pool.Add(item);

    public IDisposable PostAfter(long delayNs, IWorkItem item)
    {
        var timer = new SimTimer(BootTimeNs + delayNs, _timerNumber++, item);
        _timers.Add(timer);
        return timer;
    }

    public ILane CreateLane(string name, bool inBackground)
    {
        var lane = new SimLane();
        _lanes.Add(lane);
        return lane;
    }

    /// <summary>Runs one item; false if none is ready.</summary>
    public bool RunOne()
    {
        var lanes = _lanes.Where(lane => lane.Queue.Count > 0).ToList();
        var ready = lanes.Count + (_pool.Count > 0 ? 1 : 0);
        if (ready == 0) return false;
        var choice = _random.Next(ready);
        if (choice < lanes.Count)
        {
            lanes[choice].Queue.Dequeue().Execute();
            return true;
        }

        var position = _random.Next(_pool.Count);
        var item = _pool[position];
        _pool.RemoveAt(position);
        item.Execute();
        return true;
    }

    public void RunUntilIdle()
    {
        while (RunOne())
        {
        }
    }

    /// <summary>Forgets everything that was to run.</summary>
    public void Kill()
    {
        foreach (var lane in _lanes) lane.Queue.Clear();
        _pool.Clear();
        _timers.Clear();
    }

    /// <summary>Moves the clock and makes the timers that are due ready, in the order of their times.</summary>
    public void Advance(long ns)
    {
        BootTimeNs += ns;
        foreach (var timer in _timers.Where(timer => timer.DueNs <= BootTimeNs).OrderBy(timer => timer.DueNs).ThenBy(timer => timer.Number).ToList())
        {
            _timers.Remove(timer);
            if (!timer.Cancelled) _pool.Add(timer.Item);
        }
    }

    private sealed record SimTimer(long DueNs, long Number, IWorkItem Item) : IDisposable
    {
        public bool Cancelled { get; private set; }

        public void Dispose() => Cancelled = true;
    }

    private sealed class SimLane : ILane
    {
        private bool _closed;

        public Queue<IWorkItem> Queue { get; } = new();

        public void Post(IWorkItem item)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            Queue.Enqueue(item);
        }

        public void Dispose()
        {
            if (_closed) return;
            _closed = true;
            while (Queue.TryDequeue(out var item)) item.Execute();
        }
    }
}

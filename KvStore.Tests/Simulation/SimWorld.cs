using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Tests.Simulation;

/// <summary>
/// Simulated time and everything that happens in it, on one thread: events run in the order of their time, ties in the order they were made.
/// </summary>
internal sealed class SimWorld(ulong seed)
{
    private readonly PriorityQueue<Action, (long AtNs, ulong Number)> _events = new();
    private ulong _next;

    /// <summary>Nanoseconds since the simulated boot. Starts above zero: zero means "never" in the product.</summary>
    public long NowNs { get; private set; } = 1_000_000_000;

    public Prng Random { get; } = new(seed);

    public ulong Steps { get; private set; }

    public void At(long atNs, Action action) => _events.Enqueue(action, (Math.Max(atNs, NowNs), _next++));

    public void After(long delayNs, Action action) => At(NowNs + delayNs, action);

    /// <summary>Runs the next event; false when there is none.</summary>
    public bool Step()
    {
        if (!_events.TryDequeue(out var action, out var due)) return false;
        NowNs = due.AtNs;
        Steps++;
        action();
        return true;
    }

    /// <summary>Runs the next event if it is due by then; if not, it is that moment, and the answer false.</summary>
    public bool StepUntil(long endNs)
    {
        if (_events.TryPeek(out _, out var due) && due.AtNs <= endNs) return Step();
        NowNs = endNs;
        return false;
    }

    public void RunFor(long durationNs)
    {
        var end = NowNs + durationNs;
        while (_events.TryPeek(out _, out var due) && due.AtNs <= end) Step();
        NowNs = end;
    }

    /// <summary>Runs until the condition holds; false if it did not within the given simulated time.</summary>
    public bool RunUntil(Func<bool> condition, long withinNs)
    {
        var end = NowNs + withinNs;
        while (!condition())
        {
            if (!_events.TryPeek(out _, out var due) || due.AtNs > end) return condition();
            Step();
        }

        return true;
    }
}

/// <summary>One node's clock: the time since boot, which may run a little fast or slow, and a wall clock with an offset of its own.</summary>
internal sealed class SimClock(SimWorld world) : IClock
{
    private const long EpochMs = 1_764_000_000_000;
    private long _sinceNs;
    private long _baseNs;
    private long _driftPpm;

    public long WallOffsetMs { get; set; }

    /// <summary>How much faster than the world's time it runs from now on, in millionths.</summary>
    public long DriftPpm
    {
        get => _driftPpm;
        set => (_baseNs, _sinceNs, _driftPpm) = (BootTimeNs, world.NowNs, value);
    }

    public long BootTimeNs => _baseNs + (world.NowNs - _sinceNs) + ((world.NowNs - _sinceNs) * _driftPpm / 1_000_000);

    public long WallMs => EpochMs + (BootTimeNs / 1_000_000) + WallOffsetMs;
}

/// <summary>Runs a node's work in the world; when the node is killed, nothing of it runs any more.</summary>
internal sealed class NodeScheduler(SimWorld world) : IScheduler
{
    public bool Dead { get; private set; }

    /// <summary>While true, nothing runs; it is kept for later (SIGSTOP).</summary>
    public bool Paused { get; private set; }

    /// <summary>How much longer each item of a lane takes, in ns, by the lane's name: a slow disk for some of the work.</summary>
    public Dictionary<string, long> LaneDelays { get; } = [];

    /// <summary>Told when the power went off in the middle of something; says whether that was expected.</summary>
    public Func<bool> PowerCut { get; set; } = static () => false;

    /// <summary>Told of an error of the disk that nobody in the node took care of, which ends its process; says whether that was expected.</summary>
    public Func<Exception, bool> Fatal { get; set; } = static _ => false;

    private readonly List<Action> _held = [];

    /// <summary>The lanes, by name, that stand still for now: a disk that does not answer those who work there.</summary>
    public Func<string, bool> IsHeld { get; set; } = _ => false;

    public void Kill() => Dead = true;

    public void Pause() => Paused = true;

    public void Continue()
    {
        Paused = false;
        foreach (var action in _held) world.At(world.NowNs, action);
        _held.Clear();
    }

    public void Post(IWorkItem item) => world.After(1_000 + world.Random.Next(4_000), () => Run(item));

    public IDisposable PostAfter(long delayNs, IWorkItem item)
    {
        var timer = new Timer();
        world.After(delayNs + world.Random.Next(50_000), () =>
        {
            if (!timer.Cancelled) Run(item);
        });
        return timer;
    }

    public ILane CreateLane(string name, bool inBackground) => new Lane(this, name, world);

    /// <summary>Something reaches the process from outside; one that is stopped takes it when it goes on.</summary>
    public void Deliver(Action action)
    {
        if (Dead) return;
        if (Paused) _held.Add(() => Deliver(action));
        else Guarded(action);
    }

    private void Run(IWorkItem item) => Deliver(item.Execute);

    private void Guarded(Action action)
    {
        try
        {
            action();
        }
        catch (PowerCutException)
        {
            if (!PowerCut()) throw;
        }
        catch (IOException cause) when (cause is DiskException or CorruptionException)
        {
            if (!Fatal(cause)) throw;
        }
    }

    private sealed class Timer : IDisposable
    {
        public bool Cancelled { get; private set; }

        public void Dispose() => Cancelled = true;
    }

    /// <summary>Serial: the next item starts when the one before has ended, a little later.</summary>
    private sealed class Lane(NodeScheduler owner, string name, SimWorld world) : ILane
    {
        private readonly Queue<IWorkItem> _queue = new();
        private bool _running;

        public void Post(IWorkItem item)
        {
            _queue.Enqueue(item);
            if (!_running) Schedule();
        }

        public void Dispose()
        {
            while (_queue.TryDequeue(out var item)) owner.Run(item);
        }

        private void Schedule()
        {
            _running = true;
            world.After(2_000 + world.Random.Next(150_000) + owner.LaneDelays.GetValueOrDefault(name), Next);
        }

        private void Next()
        {
            if (owner.Dead) return;
            if (owner.Paused)
            {
                owner._held.Add(Next);
                return;
            }

            if (owner.IsHeld(name))
            {
                world.After(1_000_000, Next);
                return;
            }

            _running = false;
            if (_queue.TryDequeue(out var item)) owner.Guarded(item.Execute);
            if (_queue.Count > 0 && !_running) Schedule();
        }
    }
}

namespace KvStore.Core.Io;

/// <summary>A piece of work that can be queued without allocation.</summary>
public interface IWorkItem
{
    void Execute();
}

/// <summary>
/// The thread seam: everything in Core that does not run on its caller's thread runs through here.
/// In production this is the thread pool and a few dedicated threads; in simulation one loop runs all of it.
/// </summary>
public interface IScheduler
{
    /// <summary>Runs <paramref name="item"/> soon, on a thread of the pool.</summary>
    void Post(IWorkItem item);

    /// <summary>
    /// As <see cref="Post"/>, for short work that never waits: if the caller is within a <see cref="Turn"/>, it runs at the turn's end on the
    /// same thread, and nobody has to be woken. A shard is such an item.
    /// </summary>
    void PostNext(IWorkItem item) => Post(item);

    /// <summary>Runs <paramref name="item"/> once, <paramref name="delayNs"/> nanoseconds from now or some milliseconds later. Disposing the result cancels it if it has not started.</summary>
    IDisposable PostAfter(long delayNs, IWorkItem item);

    /// <summary>
    /// A serial lane with a thread of its own (the WAL writer, flush, heartbeats): items posted to it run one at a time, in order,
    /// and may block on the disk.
    /// </summary>
    /// <param name="name">Of the thread.</param>
    /// <param name="inBackground">For long work that nobody waits for: when there are more threads to run than processors, others come first.</param>
    ILane CreateLane(string name, bool inBackground = false);
}

/// <summary>See <see cref="IScheduler.CreateLane"/>. Disposing lets queued items finish, then ends the thread.</summary>
public interface ILane : IDisposable
{
    void Post(IWorkItem item);
}

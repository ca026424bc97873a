namespace KvStore.Core.Io;

/// <summary>A queue and the one background thread that serves it. After an item has thrown, nothing more runs.</summary>
/// <remarks>
/// It waits on a monitor, which sleeps at once. A semaphore would first spin and yield, dozens of times per wait: on a small host
/// that takes the core from those who would have given it work.
/// </remarks>
internal sealed class ThreadLane : ILane
{
    /// <summary>A tenth of a processor's time for this thread beside one of the usual priority; all of it where nobody else wants it.</summary>
    private const int BackgroundNice = 10;

    private readonly Queue<IWorkItem> _queue = new();
    private readonly bool _inBackground;
    private readonly Action<Exception> _onFatal;
    private readonly Thread _thread;
    private bool _closed;

    public ThreadLane(string name, bool inBackground, Action<Exception> onFatal)
    {
        _inBackground = inBackground;
        _onFatal = onFatal;
        _thread = new Thread(Serve) { Name = name, IsBackground = true };
        _thread.Start();
    }

    public void Post(IWorkItem item)
    {
        lock (_queue)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            _queue.Enqueue(item);
            if (_queue.Count == 1) Monitor.Pulse(_queue);
        }
    }

    /// <summary>Waits for the queued items, unless the lane disposes itself.</summary>
    public void Dispose()
    {
        lock (_queue)
        {
            if (_closed) return;
            _closed = true;
            Monitor.Pulse(_queue);
        }

        if (Thread.CurrentThread != _thread) _thread.Join();
    }

    private void Serve()
    {
        // Refused, it is only a wish. Threads of .NET have no priority of their own on Linux.
        if (_inBackground) _ = Native.SetPriority(Native.PriorityOfThread, 0, BackgroundNice);
        try
        {
            while (TryTake(out var item)) item.Execute();
        }
        catch (Exception e)
        {
            _onFatal(e);
        }
    }

    private bool TryTake(out IWorkItem item)
    {
        lock (_queue)
        {
            while (_queue.Count == 0 && !_closed) Monitor.Wait(_queue);
            return _queue.TryDequeue(out item!);
        }
    }
}

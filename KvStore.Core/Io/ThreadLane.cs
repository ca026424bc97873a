namespace KvStore.Core.Io;

/// <summary>A queue and the one background thread that serves it. After an item has thrown, nothing more runs.</summary>
/// <remarks>
/// It waits on a monitor, which sleeps at once. A semaphore would first spin and yield, dozens of times per wait: on a small host
/// that takes the core from those who would have given it work.
/// </remarks>
internal sealed class ThreadLane : ILane
{
    private readonly Queue<IWorkItem> _queue = new();
    private readonly Action<Exception> _onFatal;
    private readonly Thread _thread;
    private bool _closed;

    public ThreadLane(string name, Action<Exception> onFatal)
    {
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

namespace KvStore.Core.Io;

/// <summary>A queue and the one background thread that serves it. After an item has thrown, nothing more runs.</summary>
internal sealed class ThreadLane : ILane
{
    private readonly Queue<IWorkItem> _queue = new();
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _filled = new(0);
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
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            _queue.Enqueue(item);
        }

        _filled.Release();
    }

    /// <summary>Waits for the queued items, unless the lane disposes itself.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_closed) return;
            _closed = true;
        }

        _filled.Release();
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
        _filled.Wait();
        lock (_lock) return _queue.TryDequeue(out item!);
    }
}

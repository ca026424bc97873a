using System.Buffers;
using System.IO.Pipelines;

namespace KvStore.Protocol.Wire;

/// <summary>
/// The outgoing bytes of one connection. Any number of threads append frames under a short lock; one of them at a time hands everything that
/// has gathered to the socket, so that many frames share one system call. What waits is not bounded here: see <see cref="Enqueued"/>.
/// </summary>
/// <param name="output">Towards the socket; completed when the queue ends.</param>
/// <param name="onBroken">Called once if the connection takes nothing any more, with the cause if there is one; not after <see cref="Dispose"/>.</param>
public sealed class OutgoingQueue(PipeWriter output, Action<Exception?> onBroken) : IDisposable
{
    [ThreadStatic]
    private static FrameBuffer? t_scratch;

    private readonly Lock _gate = new();
    private FrameBuffer _filling = new();
    private FrameBuffer _spare = new();
    private bool _flushing;
    private int _deferredBy;
    private bool _closed;
    private ulong _enqueued;
    private ulong _handedOver;

    /// <summary>Whether bytes from <paramref name="offset"/> on may have left this process. Final once the queue is closed.</summary>
    public bool IsHandedOver(ulong offset)
    {
        lock (_gate) return offset < _handedOver;
    }

    /// <summary>Bytes appended since the connection was opened.</summary>
    public long Enqueued => (long)Volatile.Read(ref _enqueued);

    /// <summary>A buffer of the calling thread in which a frame is encoded before it is appended. The caller clears it.</summary>
    public static FrameBuffer Scratch => t_scratch ??= new FrameBuffer();

    /// <summary>Appends a whole frame. False when the queue is closed: no byte of it will be sent.</summary>
    public bool TryAppend(ReadOnlySpan<byte> frame)
    {
        ulong offset = 0;
        return TryAppend(frame, ref offset);
    }

    /// <inheritdoc cref="TryAppend(ReadOnlySpan{byte})"/>
    /// <param name="frame">Copied.</param>
    /// <param name="offset">Where the frame begins among all bytes of the connection; set before any byte of it leaves.</param>
    internal bool TryAppend(ReadOnlySpan<byte> frame, ref ulong offset)
    {
        lock (_gate)
        {
            if (_closed) return false;
            offset = _enqueued;
            _filling.Write(frame);
            Volatile.Write(ref _enqueued, _enqueued + (ulong)frame.Length);
            if (_flushing) return true;
            if (FlushScope.TryDefer(this, ref _deferredBy)) return true;

            _flushing = true;
        }

        _ = FlushAsync();
        return true;
    }

    /// <summary>Called by <see cref="FlushScope"/> at the end of the scope that took the flush on.</summary>
    internal void FlushDeferred()
    {
        lock (_gate)
        {
            _deferredBy = 0;
            if (_flushing || _closed || _filling.Length == 0) return;
            _flushing = true;
        }

        _ = FlushAsync();
    }

    /// <summary>Hands nothing over any more.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_closed) return;
            _closed = true;
            _filling.Dispose();
            // While a flusher is at work, the spare buffer and the pipe are in its hands, and it ends them itself.
            if (!_flushing) End();
        }
    }

    private async Task FlushAsync()
    {
        Exception? cause;
        try
        {
            while (true)
            {
                FrameBuffer batch;
                lock (_gate)
                {
                    if (_closed || _filling.Length == 0)
                    {
                        _flushing = false;
                        if (_closed) End();
                        return;
                    }

                    batch = _filling;
                    _filling = _spare;
                    _spare = batch;
                    _handedOver = _enqueued;
                }

                // The array goes back: a connection that is quiet holds none.
                output.Write(batch.Written);
                batch.Dispose();
                var result = await output.FlushAsync().ConfigureAwait(false);
                if (result.IsCompleted || result.IsCanceled) break;
            }

            cause = null;
        }
        catch (Exception exception)
        {
            cause = exception;
        }

        lock (_gate)
        {
            _flushing = false;
            if (_closed) End();
        }

        onBroken(cause);
    }

    private void End()
    {
        _spare.Dispose();
        output.Complete();
    }
}

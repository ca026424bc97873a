using System.Buffers;
using System.IO.Pipelines;
using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Client;

/// <summary>
/// The outgoing bytes of one connection. Any number of callers append frames under a short lock; one of them at a time hands everything
/// that has gathered to the socket, so that many requests share one system call.
/// </summary>
internal sealed class OutgoingQueue(PipeWriter output, Action<Exception?> onBroken) : IDisposable
{
    [ThreadStatic]
    private static FrameBuffer? t_scratch;

    private readonly Lock _gate = new();
    private FrameBuffer _filling = new();
    private FrameBuffer _spare = new();
    private bool _flushing;
    private bool _deferred;
    private bool _closed;
    private ulong _enqueued;
    private ulong _handedOver;

    /// <summary>Whether bytes from <paramref name="offset"/> on may have left this process. Final once the queue is closed.</summary>
    public bool IsHandedOver(ulong offset)
    {
        lock (_gate) return offset < _handedOver;
    }

    /// <summary>Appends a frame. False when the queue is closed: no byte of it will be sent.</summary>
    /// <param name="pending">Is told where its frame begins, before any byte of it leaves; null for frames without a reply.</param>
    /// <exception cref="WireException">The frame is too large; nothing was appended.</exception>
    public bool TryEnqueue<TBody>(ulong requestId, in TBody body, in FrameOptions options, PendingRequest? pending = null)
        where TBody : struct, IRequestBody
    {
        var scratch = t_scratch ??= new FrameBuffer();
        try
        {
            var start = FrameWriter.Begin(scratch, body.Type, requestId, options);
            body.Encode(scratch);
            FrameWriter.End(scratch, start, options);
            return TryAppend(scratch.Written, pending);
        }
        finally
        {
            scratch.Clear();
        }
    }

    /// <summary>Called by <see cref="FlushScope"/> at the end of the scope that took the flush on.</summary>
    public void FlushDeferred()
    {
        lock (_gate)
        {
            _deferred = false;
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

    private bool TryAppend(ReadOnlySpan<byte> frame, PendingRequest? pending)
    {
        lock (_gate)
        {
            if (_closed) return false;
            if (pending is not null) pending.Offset = _enqueued;
            _filling.Write(frame);
            _enqueued += (ulong)frame.Length;
            if (_flushing) return true;
            if (FlushScope.TryDefer(this, _deferred))
            {
                _deferred = true;
                return true;
            }

            _flushing = true;
        }

        _ = FlushAsync();
        return true;
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

                output.Write(batch.Written);
                batch.Clear();
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

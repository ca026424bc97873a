using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using KvStore.Core.Io;
using KvStore.Protocol.Wire;
using Pipelines.Sockets.Unofficial;

namespace KvStore.Daemon.Server;

/// <summary>
/// A TCP connection that carries frames, seen from the server: many threads send, one loop receives.
/// What is sent gathers in a queue; many frames of many threads leave in one system call.
/// </summary>
internal sealed class FrameConnection : IDisposable
{
    /// <summary>The thread that has something to send makes the system call itself: nobody is woken for it.</summary>
    private static readonly PipeOptions SendOptions = new(
        readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: 1 << 20, resumeWriterThreshold: 1 << 19,
        useSynchronizationContext: false);

    /// <summary>The pipe must hold a whole frame before it can be read; the pipe's own limit is just above.</summary>
    private static readonly PipeOptions ReceiveOptions = new(
        readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline,
        pauseWriterThreshold: Limits.FrameBytes + (64 << 10), resumeWriterThreshold: Limits.FrameBytes / 2, useSynchronizationContext: false);

    private readonly SocketConnection _connection;
    private readonly OutgoingQueue _outgoing;
    private readonly long _maxPendingBytes;
    private readonly long _openedMs = Environment.TickCount64;
    private long _lastReceivedMs = Environment.TickCount64;
    private long _lastSentBytes;
    private long _lastProgressMs = Environment.TickCount64;
    private readonly Lock _gate = new();
    private int _closed;
    private bool _disposed;
    private bool _receiving;

    /// <param name="socket">Taken over.</param>
    /// <param name="maxPendingBytes">Sends are refused while more than this waits for the socket.</param>
    /// <param name="isOneOfMany">
    /// It holds no buffer while it waits, for there may be thousands that wait. That costs two more system calls each time something comes.
    /// </param>
    public FrameConnection(Socket socket, long maxPendingBytes, bool isOneOfMany = true)
    {
        socket.NoDelay = true;
        _maxPendingBytes = maxPendingBytes;
        RemoteName = socket.RemoteEndPoint?.ToString() ?? "?";
        var flags = SocketConnectionOptions.InlineReads | SocketConnectionOptions.InlineWrites;
        if (isOneOfMany) flags |= SocketConnectionOptions.ZeroLengthReads;
        _connection = SocketConnection.Create(socket, SendOptions, ReceiveOptions, flags);
        _outgoing = new OutgoingQueue(_connection.Output, _ => Volatile.Write(ref _closed, 1));
    }

    public delegate bool FrameHandler(in Frame frame);

    public string RemoteName { get; }

    /// <summary>Bytes handed to <see cref="TrySend"/> that the socket has not taken.</summary>
    public long PendingBytes => _outgoing.Enqueued - _connection.BytesSent;

    public bool IsClosed => Volatile.Read(ref _closed) != 0;

    /// <summary>Milliseconds since it was accepted: a Hello must be complete in time, however many bytes of it trickle in.</summary>
    public long AgeMs => Environment.TickCount64 - _openedMs;

    /// <summary>Milliseconds since anything was received.</summary>
    public long SilentMs => Environment.TickCount64 - Volatile.Read(ref _lastReceivedMs);

    /// <summary>The largest length field accepted; raised once the handshake is done.</summary>
    public int FrameLimit { get; set; } = Limits.HandshakeFrameBytes;

    /// <summary>Queues a frame. False when the connection is closed or too much waits already: then no byte of it is sent, ever.</summary>
    public bool TrySend(FrameType type, ulong requestId, ReadOnlySpan<byte> body, in FrameOptions options = default)
    {
        if (IsClosed || PendingBytes > _maxPendingBytes) return false;
        var frame = OutgoingQueue.Scratch;
        try
        {
            FrameWriter.Write(frame, type, requestId, body, options);
            return _outgoing.TryAppend(frame.Written);
        }
        finally
        {
            frame.Clear();
        }
    }

    /// <summary>Milliseconds for which bytes have been waiting and the socket took none; 0 when nothing waits.</summary>
    public long StalledMs()
    {
        var sent = _connection.BytesSent;
        var now = Environment.TickCount64;
        if (PendingBytes == 0 || sent != _lastSentBytes)
        {
            _lastSentBytes = sent;
            _lastProgressMs = now;
        }

        return now - _lastProgressMs;
    }

    /// <summary>
    /// Receives frames until the connection ends or <paramref name="handle"/> returns false; between reads it waits for
    /// <paramref name="room"/>, which is how a client that does not take its answers is no longer read from.
    /// </summary>
    /// <exception cref="WireException">The stream cannot be followed any further.</exception>
    public async Task ReceiveAsync(FrameHandler handle, Func<bool>? room = null)
    {
        lock (_gate)
        {
            if (_disposed) return;
            _receiving = true;
        }

        try
        {
            await ReceiveFramesAsync(handle, room);
        }
        finally
        {
            bool disposed;
            lock (_gate)
            {
                _receiving = false;
                disposed = _disposed;
            }

            if (disposed) _connection.Input.Complete();
        }
    }

    public void Dispose()
    {
        bool receiving;
        lock (_gate)
        {
            if (_disposed) return;
            _disposed = true;
            Volatile.Write(ref _closed, 1);
            receiving = _receiving;
        }

        // The receiving loop may be reading bytes in the pipe's memory: completed here, that memory would serve another connection under its
        // eyes. So the loop is woken and completes its side itself.
        if (receiving) _connection.Input.CancelPendingRead();
        else _connection.Input.Complete();
        _outgoing.Dispose();
        _connection.Dispose();
    }

    /// <summary>Lets what was queued leave, then closes.</summary>
    public async Task CloseAfterSendingAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        try
        {
            while (PendingBytes > 0 && !IsClosed) await Task.Delay(TimeSpan.FromMilliseconds(5), patience.Token);
        }
        catch (OperationCanceledException)
        {
            // It does not take them: it is closed without.
        }

        Dispose();
    }

    private async Task ReceiveFramesAsync(FrameHandler handle, Func<bool>? room)
    {
        var input = _connection.Input;
        while (!IsClosed)
        {
            var result = await input.ReadAsync();
            if (result.IsCanceled) return;
            Volatile.Write(ref _lastReceivedMs, Environment.TickCount64);
            var buffer = result.Buffer;
            Turn.Begin();
            bool more, full;
            try
            {
                more = HandleAll(ref buffer, handle, room, out full);
            }
            finally
            {
                Turn.End();
            }

            // What is left unread is offered again at once, be it to this loop or to the next one.
            if (full || !more) input.AdvanceTo(buffer.Start);
            else input.AdvanceTo(buffer.Start, buffer.End);
            if (!more || (result.IsCompleted && !full)) return;
            if (full) await WaitForRoomAsync(room!);
        }
    }

    private bool HandleAll(ref ReadOnlySequence<byte> buffer, FrameHandler handle, Func<bool>? room, out bool full)
    {
        full = false;
        while (true)
        {
            if (room is not null && !room())
            {
                full = true;
                return true;
            }

            if (!FrameReader.TryRead(ref buffer, FrameLimit, out var frame)) return true;
            if (!handle(frame)) return false;
        }
    }

    private async Task WaitForRoomAsync(Func<bool> room)
    {
        while (!room() && !IsClosed)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(2));

            // Who is not listened to is not silent: one that takes its answers slowly would be swept away in the middle of them.
            Volatile.Write(ref _lastReceivedMs, Environment.TickCount64);
        }
    }
}

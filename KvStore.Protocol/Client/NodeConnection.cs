using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using Pipelines.Sockets.Unofficial;

namespace KvStore.Protocol.Client;

/// <summary>
/// One connection to a node: multiplexed requests in flight, replies in any order, liveness by Ping. A connection is used until it breaks and
/// is then replaced by another: it never reconnects and never sends a request twice.
/// </summary>
internal sealed class NodeConnection : IDisposable
{
    private const int LargeBytes = 256 << 10;
    private const int LargeAtOnce = 8;
    private const int ShortestGraceMs = 1000;
    private const int PauseMs = 500;

    // With requests under way: how long nothing may come before a Ping asks, and how long its answer may take before others are preferred.
    private const int AskAfterMs = 400;
    private const int SilentAfterMs = 200;

    // Everything runs on the thread that the socket's completion arrives on: no scheduling between socket, pipe and receive loop.
    private static readonly PipeOptions SocketPipe = new(
        readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: 1 << 20,
        resumeWriterThreshold: 1 << 19, minimumSegmentSize: 16 << 10, useSynchronizationContext: false);

    private readonly SocketConnection _connection;
    private readonly KvClientOptions _options;
    private readonly OutgoingQueue _outgoing;
    private readonly PendingTable _pending = new();
    private readonly SemaphoreSlim _window;
    private readonly SemaphoreSlim _largeWindow = new(LargeAtOnce);
    private readonly bool _compress;
    private long _lastReceivedMs = Deadline.NowMs;
    private long _lastTickMs = Deadline.NowMs;
    private long _pingSentMs;
    private bool _isSilent;
    private int _closed;

    private NodeConnection(SocketConnection connection, KvClientOptions options, HelloAck ack)
    {
        _connection = connection;
        _options = options;
        Ack = ack;
        _window = new SemaphoreSlim(Math.Min((int)ack.PendingRequests, PendingTable.Capacity));
        _compress = (ack.Features & Features.AcceptsLz4) != 0;
        _outgoing = new OutgoingQueue(connection.Output, OnBroken);
    }

    /// <summary>What the node said of itself.</summary>
    public HelloAck Ack { get; }

    public bool IsOpen => Volatile.Read(ref _closed) == 0;

    /// <summary>A Ping has not been answered for a while: the node may be stopped or cut off, which its open connection does not show.</summary>
    public bool IsSilent => Volatile.Read(ref _isSilent);

    public RoundTrip RoundTrip { get; } = new();

    /// <summary>Connects and shakes hands.</summary>
    /// <exception cref="KvException">The node refused, with its code; or <see cref="KvError.Unreachable"/>.</exception>
    public static async Task<NodeConnection> OpenAsync(EndPoint endpoint, KvClientOptions options, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(options.ConnectTimeout);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(endpoint, limit.Token).ConfigureAwait(false);
            var flags = SocketConnectionOptions.InlineConnect | SocketConnectionOptions.InlineReads | SocketConnectionOptions.InlineWrites;
            var connection = SocketConnection.Create(socket, SocketPipe, SocketPipe, flags, options.Name);
            var ack = await Handshake.RunAsync(connection, options, limit.Token).ConfigureAwait(false);
            var opened = new NodeConnection(connection, options, ack);
            _ = opened.ReceiveAsync();
            return opened;
        }
        catch (Exception exception)
        {
            socket.Dispose();
            if (exception is KvException) throw;
            if (cancellation.IsCancellationRequested) throw new KvException(KvError.Cancelled, "given up while connecting");
            var why = exception is OperationCanceledException ? $"no answer within {options.ConnectTimeout.TotalMilliseconds:0} ms" : exception.Message;
            // A DnsEndPoint puts its address family before the name.
            var where = endpoint is DnsEndPoint name ? $"{name.Host}:{name.Port}" : endpoint.ToString();
            throw new KvException(KvError.Unreachable, $"{where}: {why}");
        }
    }

    /// <summary>Sends one attempt of a request. The task ends with its reply or with what happened to it; it does not fail.</summary>
    public ValueTask<Reply<T>> SendAsync<TBody, T>(
        in TBody body, ReplyDecoder<T> decode, Deadline deadline, in TraceContext trace, CancellationToken cancellation)
        where TBody : struct, IRequestBody
    {
        var large = body.Size > LargeBytes;
        if (large || !_window.Wait(0, CancellationToken.None)) return SendSlowlyAsync(body, decode, deadline, trace, large, cancellation);
        return Start(body, decode, deadline, trace, large, cancellation);
    }

    /// <summary>Ends requests whose deadline is over, pings when it is quiet, closes when it stays quiet.</summary>
    public void Tick(long nowMs)
    {
        while (_pending.TakeExpired(nowMs) is { } request)
        {
            ReleaseWindow(request);
            // It may still lie in the outgoing queue, from which it will be sent: so it counts as sent.
            request.Fail(KvError.DeadlineExceeded, "no reply before the deadline", sent: true);
        }

        WatchSilence(nowMs);
        if (RoundTrip.IsDue(nowMs)) SendPing();
    }

    public void Dispose() => Close("the client was closed");

    /// <summary>Closes the connection and ends what waits on it.</summary>
    public void Close(string why)
    {
        if (Interlocked.Exchange(ref _closed, 1) != 0) return;
        _outgoing.Dispose();
        foreach (var request in _pending.Close())
        {
            var sent = _outgoing.IsHandedOver(request.Offset);
            ReleaseWindow(request);
            request.Fail(KvError.ConnectionLost, why, sent);
        }

        _connection.Dispose();
    }

    private void WatchSilence(long nowMs)
    {
        var intervalMs = (long)_options.PingInterval.TotalMilliseconds;
        var pingAfterMs = _pending.Count > 0 ? Math.Min(AskAfterMs, intervalMs / 3) : intervalMs;
        // A pause of this process is no silence of the other side.
        if (nowMs - _lastTickMs > PauseMs && _pingSentMs != 0) _pingSentMs = nowMs;
        _lastTickMs = nowMs;
        var lastReceivedMs = Volatile.Read(ref _lastReceivedMs);
        if (lastReceivedMs >= _pingSentMs) _pingSentMs = 0;
        Volatile.Write(ref _isSilent, _pingSentMs != 0 && nowMs - _pingSentMs > SilentAfterMs);
        if (_pingSentMs == 0)
        {
            if (nowMs - lastReceivedMs < pingAfterMs) return;
            _pingSentMs = nowMs;
            SendPing();
        }
        else if (nowMs - _pingSentMs > Math.Max(intervalMs / 3, ShortestGraceMs))
        {
            Close("the connection is silent and does not answer a Ping");
        }
    }

    private async ValueTask<Reply<T>> SendSlowlyAsync<TBody, T>(
        TBody body, ReplyDecoder<T> decode, Deadline deadline, TraceContext trace, bool large, CancellationToken cancellation)
        where TBody : struct, IRequestBody
    {
        var holdsLarge = false;
        try
        {
            if (large && !await _largeWindow.WaitAsync(deadline.RemainingMs, cancellation).ConfigureAwait(false)) return TooLate<T>();
            holdsLarge = large;
            if (!await _window.WaitAsync(deadline.RemainingMs, cancellation).ConfigureAwait(false))
            {
                if (large) _largeWindow.Release();
                return TooLate<T>();
            }
        }
        catch (OperationCanceledException)
        {
            if (holdsLarge) _largeWindow.Release();
            return Reply<T>.Failed(KvError.Cancelled, "given up before it was sent", sent: false);
        }

        return await Start(body, decode, deadline, trace, large, cancellation).ConfigureAwait(false);
    }

    private static Reply<T> TooLate<T>() =>
        Reply<T>.Failed(KvError.DeadlineExceeded, "too many requests were under way until the deadline", sent: false);

    private ValueTask<Reply<T>> Start<TBody, T>(
        in TBody body, ReplyDecoder<T> decode, Deadline deadline, in TraceContext trace, bool large, CancellationToken cancellation)
        where TBody : struct, IRequestBody
    {
        var pending = PendingRequest<T>.Rent(body.Type, decode, _options.InlineCompletions);
        var task = pending.Task;
        pending.Deadline = deadline;
        pending.Offset = ulong.MaxValue;
        pending.IsLarge = large;
        if (!_pending.TryAdd(pending))
        {
            ReleaseWindow(pending);
            pending.Fail(KvError.ConnectionLost, "the connection is closed", sent: false);
            return task;
        }

        var id = pending.Id;
        if (cancellation.CanBeCanceled) RegisterCancellation(pending, id, cancellation);
        try
        {
            var options = new FrameOptions(deadline.ForServerMs, trace, _compress);
            if (!TrySend(id, body, options, ref pending.Offset)) Abandon(id, KvError.ConnectionLost, "the connection is closed", sent: false);
        }
        catch (Exception exception) when (exception is WireException or OverflowException)
        {
            Abandon(id, KvError.TooLarge, exception.Message, sent: false);
        }

        return task;
    }

    // A reply cannot come before the request is sent, but the token may fire, and the connection break, while this runs: the registration then
    // outlives the request until the token's source is disposed of, and finds nothing under its id.
    private void RegisterCancellation(PendingRequest pending, ulong id, CancellationToken cancellation) =>
        pending.Registration = cancellation.UnsafeRegister(static state => ((Cancellation)state!).Run(), new Cancellation(this, id));

    private void Abandon(ulong id, KvError failure, string message, bool sent)
    {
        if (_pending.Take(id) is not { } request) return;
        ReleaseWindow(request);
        request.Fail(failure, message, sent);
    }

    private void ReleaseWindow(PendingRequest request)
    {
        if (request.IsLarge) _largeWindow.Release();
        _window.Release();
    }

    private void OnBroken(Exception? cause) => Close(cause is null ? "the connection was closed by the other side" : $"the connection broke: {cause.Message}");

    private void SendPing() => SendControl(FrameType.Ping, (ulong)TimeProvider.System.GetTimestamp());

    private void SendControl(FrameType type, ulong id)
    {
        ulong offset = 0;
        TrySend(id, new OtherRequest(type), default, ref offset);
    }

    /// <summary>Queues a request frame. False when the connection is closed: no byte of it will be sent.</summary>
    /// <exception cref="WireException">The frame is too large; nothing was queued.</exception>
    private bool TrySend<TBody>(ulong id, in TBody body, in FrameOptions options, ref ulong offset)
        where TBody : struct, IRequestBody
    {
        var frame = OutgoingQueue.Scratch;
        try
        {
            var start = FrameWriter.Begin(frame, body.Type, id, options);
            body.Encode(frame);
            FrameWriter.End(frame, start, options);
            return _outgoing.TryAppend(frame.Written, ref offset);
        }
        finally
        {
            frame.Clear();
        }
    }

    private async Task ReceiveAsync()
    {
        var input = _connection.Input;
        var why = "the connection was closed by the other side";
        try
        {
            while (true)
            {
                var read = await input.ReadAsync().ConfigureAwait(false);
                Volatile.Write(ref _lastReceivedMs, Deadline.NowMs);
                var buffer = read.Buffer;
                FlushScope.Enter();
                try
                {
                    while (FrameReader.TryRead(ref buffer, Limits.FrameBytes, out var frame)) why = Dispatch(frame) ?? why;
                }
                finally
                {
                    FlushScope.Leave();
                }

                input.AdvanceTo(buffer.Start, buffer.End);
                if (read.IsCompleted || !IsOpen) break;
            }
        }
        catch (WireException exception)
        {
            why = $"the server broke the protocol: {exception.Message}";
        }
        catch (Exception exception)
        {
            why = $"the connection broke: {exception.Message}";
        }

        Close(why);
        await input.CompleteAsync().ConfigureAwait(false);
    }

    /// <summary>Returns why the server is about to close the connection when that is what the frame says.</summary>
    private string? Dispatch(in Frame frame)
    {
        switch (frame.Type)
        {
            case FrameType.Ping:
                SendControl(FrameType.Pong, frame.RequestId);
                return null;
            case FrameType.Pong:
                RoundTrip.Add(TimeProvider.System.GetElapsedTime((long)frame.RequestId));
                return null;
            case FrameType.Error when frame.RequestId == 0:
                using (var body = FrameBody.Open(frame)) return ErrorReply.Decode(body.Span).Message;
            default:
                CompleteRequest(frame);
                return null;
        }
    }

    private void CompleteRequest(in Frame frame)
    {
        // Not found: it was given up, and this is its late reply.
        if (_pending.Take(frame.RequestId) is not { } request) return;
        ReleaseWindow(request);
        try
        {
            using var body = FrameBody.Open(frame);
            request.Complete(frame.Type, body.Span);
        }
        catch (WireException exception)
        {
            request.Fail(KvError.ProtocolViolation, exception.Message, sent: true);
            throw;
        }
    }

    /// <summary>A caller's wish to give one request up, by its id: the request object itself may serve another by then.</summary>
    private sealed class Cancellation(NodeConnection connection, ulong id)
    {
        public void Run() => connection.Abandon(id, KvError.Cancelled, "given up by the caller", sent: true);
    }
}

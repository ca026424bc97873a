using System.Net;
using System.Net.Sockets;

namespace KvStore.Bench.Peers.Redis;

/// <summary>
/// One connection to a Redis server, shared by any number of clients: requests that arrive while
/// a send is under way, or while replies are being handed out, leave in one packet. Replies come
/// in request order. Works on the socket directly: a pipe in between would only cost the machine
/// that is being measured.
/// </summary>
internal sealed class RespConnection : IAsyncDisposable
{
    private readonly Socket _socket;
    private readonly Lock _gate = new();
    private readonly Queue<PendingReply> _pending = new();
    private byte[] _filling = new byte[64 * 1024];
    private byte[] _sending = new byte[64 * 1024];
    private int _filled;
    private bool _isSending;
    private bool _isDispatching;
    private Exception? _failure;
    private Task _receiving = Task.CompletedTask;

    private RespConnection(Socket socket) => _socket = socket;

    /// <summary>Connects and starts receiving. Throws <see cref="SocketException"/>.</summary>
    public static async Task<RespConnection> ConnectAsync(IPEndPoint endpoint, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(endpoint, cancellation);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
        var connection = new RespConnection(socket);
        connection._receiving = Task.Run(connection.ReceiveAsync, CancellationToken.None);
        return connection;
    }

    /// <summary>
    /// Sends `verb key [value]`, followed by <paramref name="suffix"/> (one more complete encoded
    /// command, or empty), and completes with the last reply. The task fails with
    /// <see cref="IOException"/> when the connection is lost.
    /// </summary>
    public ValueTask<RespReply> SendAsync(PendingReply pending, ReadOnlySpan<byte> verb, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, bool hasValue, ReadOnlySpan<byte> suffix)
    {
        ValueTask<RespReply> reply = pending.Arm(suffix.IsEmpty ? 1 : 2);
        bool send;
        lock (_gate)
        {
            if (_failure is not null)
                throw _failure;
            Reserve(RespWire.CommandLength(verb, key, value, hasValue) + suffix.Length);
            _filled += RespWire.WriteCommand(_filling.AsSpan(_filled), verb, key, value, hasValue);
            suffix.CopyTo(_filling.AsSpan(_filled));
            _filled += suffix.Length;
            _pending.Enqueue(pending);
            send = !_isSending && !_isDispatching;
            _isSending |= send;
        }
        if (send)
            _ = FlushAsync();
        return reply;
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        await _receiving;
    }

    private void Reserve(int bytes)
    {
        if (_filling.Length - _filled < bytes)
            Array.Resize(ref _filling, Math.Max(2 * _filling.Length, _filled + bytes));
    }

    private async Task FlushAsync()
    {
        try
        {
            while (true)
            {
                int length;
                lock (_gate)
                {
                    if (_filled == 0)
                    {
                        _isSending = false;
                        return;
                    }
                    (_filling, _sending) = (_sending, _filling);
                    length = _filled;
                    _filled = 0;
                }
                for (int sent = 0; sent < length;)
                    sent += await _socket.SendAsync(_sending.AsMemory(sent, length - sent));
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            Fail(error);
        }
    }

    private async Task ReceiveAsync()
    {
        var buffer = new byte[64 * 1024];
        int filled = 0;
        try
        {
            while (true)
            {
                if (filled == buffer.Length)
                    Array.Resize(ref buffer, 2 * buffer.Length);
                int received = await _socket.ReceiveAsync(buffer.AsMemory(filled));
                if (received == 0)
                    throw new EndOfStreamException("the server closed the connection");
                filled += received;
                int used = Dispatch(buffer.AsSpan(0, filled));
                buffer.AsSpan(used, filled - used).CopyTo(buffer);
                filled -= used;
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException or IOException or InvalidDataException)
        {
            Fail(error);
        }
    }

    /// <summary>Hands every complete reply to its client, then sends what the clients asked meanwhile; returns the bytes used.</summary>
    private int Dispatch(ReadOnlySpan<byte> received)
    {
        lock (_gate)
            _isDispatching = true;
        int used = 0;
        while (used < received.Length && RespWire.TryRead(received[used..], out RespReply reply, out int consumed))
        {
            used += consumed;
            Deliver(reply);
        }
        bool send;
        lock (_gate)
        {
            _isDispatching = false;
            send = !_isSending && _filled > 0;
            _isSending |= send;
        }
        if (send)
            _ = FlushAsync();
        return used;
    }

    private void Deliver(RespReply reply)
    {
        PendingReply pending;
        lock (_gate)
        {
            pending = _pending.Peek();
            if (!pending.Take(reply))
                return;
            _pending.Dequeue();
        }
        pending.Complete(reply);
    }

    private void Fail(Exception cause)
    {
        PendingReply[] lost;
        lock (_gate)
        {
            _failure ??= new IOException($"connection lost: {cause.Message}", cause);
            lost = [.. _pending];
            _pending.Clear();
        }
        foreach (PendingReply pending in lost)
            pending.Fail(_failure);
    }
}

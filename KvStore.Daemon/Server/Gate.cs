using System.Net;
using System.Net.Sockets;
using KvStore.Core.Io;
using KvStore.Core.Node;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using Microsoft.Extensions.Logging;

namespace KvStore.Daemon.Server;

/// <summary>
/// The data port: accepts, asks for a Hello in time and size, and makes a connection a client's or a peer's.
/// Also the sweeper that ends connections that are silent, half-open or do not take their answers.
/// </summary>
internal sealed class Gate : IDisposable
{
    private static readonly TimeSpan SweepEvery = TimeSpan.FromSeconds(1);

    /// <summary>What may wait for a client's socket beyond the point at which it is no longer read from: answers to what was taken before.</summary>
    private const long MaxClientPendingBytes = 1L << 30;

    private const int SilenceBeforeCloseMs = 3 * Limits.PingAfterMs;

    private readonly Socket _listener;
    private readonly NodeHost _host;
    private readonly IClock _clock;
    private readonly ILogger _log;
    private readonly int _maxConnections;
    private readonly CancellationTokenSource _stop = new();
    private readonly HashSet<FrameConnection> _greeting = [];
    private readonly HashSet<ClientSession> _clients = [];
    private readonly Lock _gate = new();
    private readonly Timer _sweep;

    public Gate(IPEndPoint address, NodeHost host, IClock clock, ILogger log, int maxConnections)
    {
        _host = host;
        _clock = clock;
        _log = log;
        _maxConnections = maxConnections;
        _listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            _listener.Bind(address);
            _listener.Listen(4096);
        }
        catch
        {
            _listener.Dispose();
            throw;
        }

        _sweep = new Timer(_ => Sweep(), null, SweepEvery, SweepEvery);
        _ = AcceptLoop.RunAsync(_listener, OnAccepted, log, _stop.Token);
    }

    public int Connections
    {
        get
        {
            lock (_gate) return _clients.Count + _greeting.Count;
        }
    }

    /// <summary>Requests of all clients that are not answered.</summary>
    public int PendingRequests
    {
        get
        {
            lock (_gate) return _clients.Sum(c => c.Pending);
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Dispose();
        _sweep.Dispose();
        List<FrameConnection> open;
        lock (_gate) open = [.. _greeting, .. _clients.Select(c => c.Connection)];
        foreach (var connection in open) connection.Dispose();
        _stop.Dispose();
    }

    private void OnAccepted(Socket socket)
    {
        FrameConnection connection;
        try
        {
            connection = new FrameConnection(socket, MaxClientPendingBytes);
        }
        catch (SocketException)
        {
            socket.Dispose();
            return;
        }

        bool full;
        lock (_gate)
        {
            full = _clients.Count + _greeting.Count >= _maxConnections;
            if (!full) _greeting.Add(connection);
        }

        if (!full)
        {
            _ = ServeAsync(connection);
            return;
        }

        ServerReplies.SendError(connection, 0, KvError.Overloaded, $"this node has {_maxConnections} connections, its limit (network.max_connections)", retryable: true);
        _ = connection.CloseAfterSendingAsync();
    }

    private async Task ServeAsync(FrameConnection connection)
    {
        try
        {
            var hello = await ReadHelloAsync(connection);
            if (hello is null) return;
            if (ProtocolVersion.Choose(hello.MinVersion, hello.MaxVersion) == 0)
            {
                ServerReplies.SendError(
                    connection, 0, KvError.UnsupportedVersion,
                    $"this node speaks protocol versions {ProtocolVersion.Min} to {ProtocolVersion.Max}, the caller {hello.MinVersion} to {hello.MaxVersion}");
            }
            else if (hello.Role == ConnectionRole.Peer) await ServePeerAsync(connection, hello);
            else await ServeClientAsync(connection, hello);
        }
        catch (WireException malformed)
        {
            ServerReplies.SendError(connection, 0, KvError.InvalidRequest, malformed.Message);
        }
        catch (Exception e) when (e is IOException or SocketException or InvalidOperationException or ObjectDisposedException)
        {
            // The other side is gone; that is how connections end.
        }
        catch (Exception e)
        {
            _log.LogError(e, "a connection from {Remote} ended by a bug", connection.RemoteName);
        }
        finally
        {
            lock (_gate) _greeting.Remove(connection);
            await connection.CloseAfterSendingAsync();
        }
    }

    private static async Task<Hello?> ReadHelloAsync(FrameConnection connection)
    {
        Hello? hello = null;
        await connection.ReceiveAsync((in Frame frame) =>
        {
            using var body = FrameBody.Open(frame, Limits.HandshakeFrameBytes);
            hello = frame.Type == FrameType.Hello
                ? Hello.Decode(body.Span)
                : throw new WireException(WireError.Malformed, "the first frame must be a Hello");
            return false;
        });
        return hello;
    }

    private async Task ServePeerAsync(FrameConnection connection, Hello hello)
    {
        if (_host.Links is not { } links)
        {
            ServerReplies.SendError(connection, 0, KvError.NotInitialized, "this node is no member of a cluster yet", retryable: true);
            return;
        }

        if (links.Accept(connection, hello) is not { } peer) return;
        var proven = false;
        await connection.ReceiveAsync((in Frame frame) =>
        {
            using var body = FrameBody.Open(frame, Limits.HandshakeFrameBytes);
            proven = frame.Type == (FrameType)PeerFrame.Proof && PeerProof.Matches(peer.ExpectedProof, body.Span);
            return false;
        });
        if (!proven)
        {
            _log.LogWarning("{Remote} says it is {Peer} and cannot prove it", connection.RemoteName, peer.Node);
            return;
        }

        lock (_gate) _greeting.Remove(connection);
        await links.RunAsync(connection, peer.Node, peer.Lane);
    }

    private async Task ServeClientAsync(FrameConnection connection, Hello hello)
    {
        if (_host.ClusterId is var clusterId && hello.ClusterId != 0 && hello.ClusterId != clusterId)
        {
            ServerReplies.SendError(connection, 0, KvError.WrongCluster, $"this node belongs to cluster {clusterId:x32}, not {hello.ClusterId:x32}");
            return;
        }

        var session = new ClientSession(connection, _host, _clock, (hello.Features & Features.AcceptsLz4) != 0);
        using (var body = new FrameBuffer())
        {
            _host.HelloAck().Encode(body);
            connection.TrySend(FrameType.HelloAck, 0, body.Written);
        }

        connection.FrameLimit = Limits.FrameBytes;
        lock (_gate)
        {
            _greeting.Remove(connection);
            _clients.Add(session);
        }

        try
        {
            await session.RunAsync();
        }
        finally
        {
            lock (_gate) _clients.Remove(session);
        }
    }

    private void Sweep()
    {
        List<FrameConnection>? ended = null;
        List<FrameConnection>? silent = null;
        lock (_gate)
        {
            foreach (var connection in _greeting)
                if (connection.AgeMs > Limits.HandshakeTimeoutMs) (ended ??= []).Add(connection);
            foreach (var session in _clients)
            {
                var connection = session.Connection;
                if (connection.SilentMs > SilenceBeforeCloseMs || connection.StalledMs() > Limits.StalledConnectionMs) (ended ??= []).Add(connection);
                else if (connection.SilentMs > Limits.PingAfterMs && session.Pending == 0) (silent ??= []).Add(connection);
            }
        }

        foreach (var connection in silent ?? []) connection.TrySend(FrameType.Ping, 0, default);
        foreach (var connection in ended ?? []) connection.Dispose();
    }
}

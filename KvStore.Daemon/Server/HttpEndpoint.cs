using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;

namespace KvStore.Daemon.Server;

/// <summary>
/// A small HTTP/1.1 server for GET and HEAD of a few fixed paths (/metrics, /livez, /readyz, /clusterz). One request per connection.
/// A peer that sends slowly, too much or garbage costs at most one of <see cref="MaxConnections"/> places for <see cref="ExchangeTimeout"/>,
/// and when all places are taken the oldest connection gives way, so that a prober is served even then.
/// </summary>
public sealed class HttpEndpoint : IAsyncDisposable
{
    public const int MaxConnections = 64;

    /// <summary>Bytes of a request's line and header fields; more is answered 431.</summary>
    public const int MaxHeadBytes = 8192;

    private readonly IReadOnlyDictionary<string, Func<HttpResponse>> _routes;
    private readonly ILogger _log;
    private readonly TimeSpan _exchangeTimeout;
    private readonly Socket _listener;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Connection> _connections = [];
    private readonly Task _accepting;

    private HttpEndpoint(Socket listener, IReadOnlyDictionary<string, Func<HttpResponse>> routes, ILogger log, TimeSpan exchangeTimeout)
    {
        (_listener, _routes, _log, _exchangeTimeout) = (listener, routes, log, exchangeTimeout);
        _accepting = AcceptLoop.RunAsync(listener, Accepted, log, _stop.Token);
    }

    /// <summary>From accept to the last byte of the answer.</summary>
    public static TimeSpan ExchangeTimeout { get; } = TimeSpan.FromSeconds(5);

    /// <summary>Where it listens; with the port that the system chose if 0 was asked for.</summary>
    public IPEndPoint Address => (IPEndPoint)_listener.LocalEndPoint!;

    /// <summary>Connections open now.</summary>
    public int Connections
    {
        get
        {
            lock (_connections) return _connections.Count;
        }
    }

    /// <summary>
    /// Binds and listens before it returns. A route's function runs on a pool thread, once per request, possibly several at the same time;
    /// if it throws, the answer is 500. Throws <see cref="SocketException"/> when the address cannot be bound.
    /// </summary>
    public static HttpEndpoint Start(
        IPEndPoint address, IReadOnlyDictionary<string, Func<HttpResponse>> routes, ILogger log, TimeSpan? exchangeTimeout = null)
    {
        var listener = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.Bind(address);
            listener.Listen(MaxConnections);
        }
        catch
        {
            listener.Dispose();
            throw;
        }

        return new HttpEndpoint(listener, routes, log, exchangeTimeout ?? ExchangeTimeout);
    }

    /// <summary>Stops listening, closes every connection and waits until no route's function runs any more.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_stop.IsCancellationRequested) return;
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        Task[] open;
        lock (_connections) open = [.. _connections.Select(c => c.Done)];
        await Task.WhenAll(open);
        _stop.Dispose();
    }

    private void Accepted(Socket socket)
    {
        var connection = new Connection(socket);
        lock (_connections)
        {
            if (_connections.Count(c => !c.GaveWay) >= MaxConnections) _connections.First(c => !c.GaveWay).GiveWay();
            _connections.Add(connection);

            // Its end needs the lock, so it cannot leave the list before the task is known.
            connection.Done = Task.Run(() => ServeAsync(connection));
        }
    }

    private async Task ServeAsync(Connection connection)
    {
        try
        {
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            deadline.CancelAfter(_exchangeTimeout);
            await ExchangeAsync(connection.Socket, deadline.Token);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The peer went away, was too slow or had to give way: it has nothing to be told.
        }
        finally
        {
            connection.Socket.Dispose();
            lock (_connections) _connections.Remove(connection);
        }
    }

    private async Task ExchangeAsync(Socket socket, CancellationToken deadline)
    {
        var buffer = new byte[MaxHeadBytes];
        var filled = 0;
        int headBytes;
        while ((headBytes = HttpRequestHead.LengthOf(buffer.AsSpan(0, filled))) < 0)
        {
            if (filled == buffer.Length)
            {
                await AnswerAsync(socket, HttpResponse.Text(431, "request head too large\n"), withBody: true, buffer, deadline);
                return;
            }

            var count = await socket.ReceiveAsync(buffer.AsMemory(filled), deadline);
            if (count == 0) return;
            filled += count;
        }

        // The socket's thread serves the data port too: it has no time for metrics.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        var valid = HttpRequestHead.TryParse(buffer.AsSpan(0, headBytes), out var request);
        var response = valid ? Respond(request) : HttpResponse.Text(400, "not an HTTP/1.1 request\n");
        await AnswerAsync(socket, response, withBody: request.Method != "HEAD", buffer, deadline);
    }

    private HttpResponse Respond(HttpRequestHead request)
    {
        if (request.Method is not ("GET" or "HEAD")) return HttpResponse.Text(405, "GET only\n");
        if (!_routes.TryGetValue(request.Path, out var route)) return HttpResponse.Text(404, $"not found; there is {string.Join(", ", _routes.Keys)}\n");
        try
        {
            return route();
        }
        catch (Exception e)
        {
            _log.LogError(e, "{Path} failed", request.Path);
            return HttpResponse.Text(500, "failed, see the log\n");
        }
    }

    private static async Task AnswerAsync(Socket socket, HttpResponse response, bool withBody, byte[] scratch, CancellationToken deadline)
    {
        var head = new StringBuilder()
            .Append("HTTP/1.1 ").Append(response.Status).Append(' ').Append(ReasonOf(response.Status)).Append("\r\n")
            .Append("Content-Type: ").Append(response.ContentType).Append("\r\n")
            .Append("Content-Length: ").Append(response.Body.Length).Append("\r\n")
            .Append(response.Status == 405 ? "Allow: GET, HEAD\r\n" : "")
            .Append("Cache-Control: no-store\r\nConnection: close\r\n\r\n");
        await SendAllAsync(socket, Encoding.ASCII.GetBytes(head.ToString()), deadline);
        if (withBody) await SendAllAsync(socket, response.Body, deadline);

        // Closing while bytes of the peer are unread would reset the connection and may destroy the answer before the peer reads it.
        socket.Shutdown(SocketShutdown.Send);
        while (await socket.ReceiveAsync(scratch, deadline) > 0)
        {
        }
    }

    private static async Task SendAllAsync(Socket socket, ReadOnlyMemory<byte> bytes, CancellationToken deadline)
    {
        while (bytes.Length > 0) bytes = bytes[await socket.SendAsync(bytes, deadline)..];
    }

    private static string ReasonOf(int status) => status switch
    {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Status",
    };

    /// <summary>An accepted socket and the task that serves it. In the list until the task ends.</summary>
    private sealed class Connection(Socket socket)
    {
        public Socket Socket { get; } = socket;

        public Task Done { get; set; } = Task.CompletedTask;

        public bool GaveWay { get; private set; }

        public void GiveWay()
        {
            GaveWay = true;
            Socket.Dispose();
        }
    }
}

using System.Globalization;
using System.Net;
using KvStore.Protocol.Messages;

namespace KvStore.Protocol.Client;

/// <summary>All connections to one address: opens them when they are needed, replaces broken ones, backs off from an address that does not answer.</summary>
internal sealed class NodeChannel : IDisposable
{
    private const int FirstBackOffMs = 50;
    private const int LongestBackOffMs = 3000;

    private readonly KvClientOptions _options;
    private readonly Lock _gate = new();
    private readonly NodeConnection?[] _connections;
    private readonly CancellationTokenSource _closing = new();
    private Task<KvException?>? _opening;
    private int _failures;
    private long _notBeforeMs;
    private uint _turn;

    public NodeChannel(string address, KvClientOptions options)
    {
        Address = address;
        _options = options;
        _connections = new NodeConnection?[Math.Max(1, options.ConnectionsPerNode)];
    }

    public string Address { get; }

    /// <inheritdoc cref="RoundTrip.Class"/>
    public int LatencyClass { get; private set; }

    public bool HasOpenConnection => _connections.Any(connection => connection is { IsOpen: true });

    /// <summary>A connection is open, or one may be tried now.</summary>
    public bool IsUsable => Volatile.Read(ref _notBeforeMs) <= Deadline.NowMs || Ready() is not null;

    /// <summary>It is usable, and nothing suggests that it would not answer: some connection to it is not silent, or there is none yet.</summary>
    public bool IsPreferable
    {
        get
        {
            if (!IsUsable) return false;
            var silent = 0;
            foreach (var connection in _connections)
            {
                if (connection is not { IsOpen: true }) continue;
                if (!connection.IsSilent) return true;
                silent++;
            }

            return silent == 0;
        }
    }

    /// <summary>"host:port" as an endpoint; IPv6 addresses stand in brackets.</summary>
    /// <exception cref="FormatException">Neither host nor address with a port.</exception>
    public static EndPoint ParseEndpoint(string address)
    {
        var colon = address.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port == 0)
            throw new FormatException($"'{address}' is not host:port");
        var host = address[..colon];
        if (host is ['[', .., ']']) host = host[1..^1];
        else if (host.Contains(':')) throw new FormatException($"'{address}' is not host:port; write an IPv6 address as [address]:port");
        return IPAddress.TryParse(host, out var ip) ? new IPEndPoint(ip, port) : new DnsEndPoint(host, port);
    }

    /// <summary>An open connection, another one at every call; null when there is none. Missing ones are opened in the background.</summary>
    public NodeConnection? Ready()
    {
        var turn = Interlocked.Increment(ref _turn);
        for (var i = 0u; i < _connections.Length; i++)
        {
            if (Volatile.Read(ref _connections[(turn + i) % _connections.Length]) is { IsOpen: true } connection)
            {
                if (i > 0 && Volatile.Read(ref _notBeforeMs) <= Deadline.NowMs) _ = OpenAsync();
                return connection;
            }
        }

        return null;
    }

    /// <summary>Opens a connection, together with everybody who waits for one, or says why there is none.</summary>
    /// <returns>Null and the reason when the address is in back-off or did not answer before the deadline.</returns>
    public async ValueTask<(NodeConnection? Connection, KvException? Failure)> ConnectAsync(Deadline deadline, CancellationToken cancellation)
    {
        if (Ready() is { } ready) return (ready, null);
        if (Volatile.Read(ref _notBeforeMs) > Deadline.NowMs)
            return (null, new KvException(KvError.Unreachable, $"{Address} did not answer and is left alone for a moment"));
        try
        {
            var failure = await OpenAsync().WaitAsync(TimeSpan.FromMilliseconds(deadline.RemainingMs), cancellation).ConfigureAwait(false);
            return (failure is null ? Ready() : null, failure);
        }
        catch (TimeoutException)
        {
            return (null, new KvException(KvError.Unreachable, $"{Address} did not answer before the deadline"));
        }
        catch (OperationCanceledException)
        {
            return (null, new KvException(KvError.Cancelled, "given up before it was sent"));
        }
    }

    public void Tick(long nowMs)
    {
        var nearest = int.MaxValue;
        foreach (var connection in _connections)
        {
            if (connection is not { IsOpen: true }) continue;
            connection.Tick(nowMs);
            nearest = Math.Min(nearest, connection.RoundTrip.Class);
        }

        if (nearest != int.MaxValue) LatencyClass = nearest;
    }

    public void Dispose()
    {
        _closing.Cancel();
        foreach (var connection in _connections) connection?.Dispose();
    }

    private Task<KvException?> OpenAsync()
    {
        lock (_gate)
        {
            if (_opening is { IsCompleted: false } opening) return opening;
            return _opening = OpenMissingAsync();
        }
    }

    /// <summary>Opens one connection in the first free place: a node that has just started is not flooded.</summary>
    private async Task<KvException?> OpenMissingAsync()
    {
        var place = Array.FindIndex(_connections, connection => connection is not { IsOpen: true });
        if (place < 0) return null;
        try
        {
            var connection = await NodeConnection.OpenAsync(ParseEndpoint(Address), _options, _closing.Token).ConfigureAwait(false);
            Volatile.Write(ref _connections[place], connection);
            _failures = 0;
            if (_closing.IsCancellationRequested) connection.Dispose();
            return null;
        }
        catch (Exception exception) when (exception is KvException or FormatException)
        {
            var backOffMs = Math.Min(LongestBackOffMs, FirstBackOffMs << Math.Min(_failures++, 10));
            // Jitter: clients that lost a node together do not come back together.
            Volatile.Write(ref _notBeforeMs, Deadline.NowMs + Random.Shared.Next(backOffMs / 2, backOffMs + 1));
            return exception as KvException ?? new KvException(KvError.Unreachable, exception.Message);
        }
    }
}

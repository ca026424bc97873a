using System.Net;
using System.Runtime.CompilerServices;
using KvStore.Bench.Load;

namespace KvStore.Bench.Peers.Redis;

/// <summary>
/// Load on a Redis primary. WAIT speaks about the last write of its own connection, so a
/// replicated write needs a connection per client; plain SET and GET run with both designs.
/// </summary>
internal sealed class RedisTarget(IPEndPoint primary, ConnectionDesign design) : ILoadTarget
{
    /// <summary>Connections of the multiplexed design: Redis serves them on one thread anyway.</summary>
    private const int SharedConnections = 1;

    private RespConnection[] _connections = [];
    private PendingReply[] _pending = [];

    public string Name => "redis";

    public int Connections => _connections.Length;

    private static ReadOnlySpan<byte> WaitForOneReplica => "*3\r\n$4\r\nWAIT\r\n$1\r\n1\r\n$1\r\n0\r\n"u8;

    public bool Supports(LoadOperation operation) => operation switch
    {
        LoadOperation.FastPut or LoadOperation.LocalGet => true,
        LoadOperation.StrongPut => design == ConnectionDesign.PerClient,
        _ => false,
    };

    public async Task ConnectAsync(int clients, CancellationToken cancellation)
    {
        _connections = new RespConnection[design == ConnectionDesign.PerClient ? clients : SharedConnections];
        for (int i = 0; i < _connections.Length; i++)
            _connections[i] = await RespConnection.ConnectAsync(primary, cancellation);
        _pending = [.. Enumerable.Range(0, clients).Select(static _ => new PendingReply())];
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask RunOnceAsync(int client, LoadOperation operation, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value)
    {
        RespReply reply;
        try
        {
            reply = await Send(client, operation, key.Span, value.Span);
        }
        catch (IOException lost)
        {
            throw new LoadFailedException(lost.Message, lost);
        }
        if (reply.Kind == RespKind.Error)
            throw new LoadFailedException(reply.Text!);
        if (operation == LoadOperation.StrongPut && reply.Number < 1)
            throw new LoadFailedException("WAIT: no replica acknowledged");
        if (operation == LoadOperation.LocalGet && reply.Number < 0)
            throw new LoadFailedException("GET: key is absent");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (RespConnection connection in _connections.OfType<RespConnection>())
            await connection.DisposeAsync();
    }

    private ValueTask<RespReply> Send(int client, LoadOperation operation, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        RespConnection connection = _connections[client % _connections.Length];
        PendingReply pending = _pending[client];
        return operation switch
        {
            LoadOperation.LocalGet => connection.SendAsync(pending, "GET"u8, key, default, hasValue: false, default),
            LoadOperation.FastPut => connection.SendAsync(pending, "SET"u8, key, value, hasValue: true, default),
            LoadOperation.StrongPut => connection.SendAsync(pending, "SET"u8, key, value, hasValue: true, WaitForOneReplica),
            _ => throw new InvalidOperationException($"Redis has no {operation}"),
        };
    }
}

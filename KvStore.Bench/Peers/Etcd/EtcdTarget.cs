using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using KvStore.Bench.Load;
using KvStore.Bench.Peers.Etcd.Wire;

namespace KvStore.Bench.Peers.Etcd;

/// <summary>
/// Load on etcd over gRPC. Puts and linearizable reads go to the leader, which saves etcd a
/// forwarding hop; serializable reads are spread over all members.
/// </summary>
internal sealed class EtcdTarget(IReadOnlyList<string> members, int leader, ConnectionDesign design) : ILoadTarget
{
    /// <summary>Channels to one member in the multiplexed design.</summary>
    private const int SharedConnections = 4;

    private readonly List<GrpcChannel> _channels = [];
    private KV.KVClient[] _toLeader = [];
    private KV.KVClient[] _toAny = [];

    public string Name => "etcd";

    public int Connections => _toLeader.Length;

    public bool Supports(LoadOperation operation) => operation != LoadOperation.FastPut;

    public Task ConnectAsync(int clients, CancellationToken cancellation)
    {
        int connections = design == ConnectionDesign.PerClient ? clients : Math.Min(clients, SharedConnections);
        _toLeader = [.. Enumerable.Range(0, connections).Select(_ => Open(members[leader]))];
        _toAny = [.. Enumerable.Range(0, connections).Select(connection => Open(members[connection % members.Count]))];
        return Task.CompletedTask;
    }

    public async ValueTask RunOnceAsync(int client, LoadOperation operation, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value)
    {
        try
        {
            if (operation == LoadOperation.StrongPut)
                await PutAsync(client, key, value);
            else
                await GetAsync(client, key, serializable: operation == LoadOperation.LocalGet);
        }
        catch (RpcException error)
        {
            throw new LoadFailedException(error.Status.Detail, error);
        }
    }

    public ValueTask DisposeAsync()
    {
        foreach (GrpcChannel channel in _channels)
            channel.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task PutAsync(int client, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value)
    {
        var request = new PutRequest { Key = UnsafeByteOperations.UnsafeWrap(key), Value = UnsafeByteOperations.UnsafeWrap(value) };
        await _toLeader[client % _toLeader.Length].PutAsync(request).ConfigureAwait(false);
    }

    private async Task GetAsync(int client, ReadOnlyMemory<byte> key, bool serializable)
    {
        var request = new RangeRequest { Key = UnsafeByteOperations.UnsafeWrap(key), Serializable = serializable };
        KV.KVClient[] servers = serializable ? _toAny : _toLeader;
        RangeResponse response = await servers[client % servers.Length].RangeAsync(request).ConfigureAwait(false);
        if (response.Kvs.Count != 1)
            throw new LoadFailedException("range: key is absent");
    }

    private KV.KVClient Open(string member)
    {
        // A handler of its own gives the channel a connection of its own.
        var channel = GrpcChannel.ForAddress(member, new GrpcChannelOptions { HttpHandler = new SocketsHttpHandler(), DisposeHttpClient = true });
        _channels.Add(channel);
        return new KV.KVClient(channel);
    }
}

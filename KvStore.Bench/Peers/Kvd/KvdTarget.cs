using System.Runtime.CompilerServices;
using KvStore.Bench.Load;
using KvStore.Protocol.Client;

namespace KvStore.Bench.Peers.Kvd;

/// <summary>
/// Load on kvd through its own client: one <see cref="KvClient"/> shared by all closed-loop
/// clients, or one for each. Either way a client holds one connection to every node.
/// </summary>
internal sealed class KvdTarget(IReadOnlyList<string> endpoints, ConnectionDesign design) : ILoadTarget
{
    private KvClient[] _clients = [];

    public string Name => "kvd";

    public int Connections => _clients.Length * endpoints.Count;

    public bool Supports(LoadOperation operation) => true;

    public async Task ConnectAsync(int clients, CancellationToken cancellation)
    {
        var options = new KvClientOptions { Endpoints = endpoints, InlineCompletions = true, Name = "kvd-bench" };
        int wanted = design == ConnectionDesign.PerClient ? clients : 1;
        _clients = new KvClient[wanted];
        for (int i = 0; i < wanted; i++)
            _clients[i] = await ConnectOneAsync(options, cancellation);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask RunOnceAsync(int client, LoadOperation operation, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value)
    {
        KvClient store = _clients[client % _clients.Length];
        try
        {
            switch (operation)
            {
                case LoadOperation.StrongPut:
                    await store.PutAsync(key, value, WriteOptions.Strong);
                    break;
                case LoadOperation.FastPut:
                    await store.PutAsync(key, value);
                    break;
                default:
                    await GetAsync(store, operation, key);
                    break;
            }
        }
        catch (KvException error)
        {
            throw new LoadFailedException($"{error.Code}: {error.Message}", error);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (KvClient client in _clients.OfType<KvClient>())
            await client.DisposeAsync();
    }

    private static async Task<KvClient> ConnectOneAsync(KvClientOptions options, CancellationToken cancellation)
    {
        try
        {
            return await KvClient.ConnectAsync(options, cancellation);
        }
        catch (KvException error)
        {
            throw new LoadFailedException($"connect: {error.Code}: {error.Message}", error);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private static async ValueTask GetAsync(KvClient store, LoadOperation operation, ReadOnlyMemory<byte> key)
    {
        var result = await store.GetAsync(key, operation == LoadOperation.QuorumGet ? ReadOptions.Quorum : default);
        if (!result.Found)
            throw new LoadFailedException("get: key is absent");
    }
}

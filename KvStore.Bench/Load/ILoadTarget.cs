namespace KvStore.Bench.Load;

/// <summary>
/// One store seen by the load generator: a fixed number of closed-loop clients over connections
/// of the target's own choosing. Client i never has more than one operation outstanding.
/// </summary>
internal interface ILoadTarget : IAsyncDisposable
{
    /// <summary>Name of the store and of the connection design, for the report: 'redis', 'kvd', ...</summary>
    string Name { get; }

    /// <summary>TCP connections that carry the load; valid after <see cref="ConnectAsync"/>.</summary>
    int Connections { get; }

    /// <summary>True if the store has a request that keeps the operation's promise.</summary>
    bool Supports(LoadOperation operation);

    /// <summary>Opens the connections for clients 0..<paramref name="clients"/>-1.</summary>
    Task ConnectAsync(int clients, CancellationToken cancellation);

    /// <summary>
    /// Runs one operation to its acknowledgement. <paramref name="value"/> is ignored by reads.
    /// Throws <see cref="LoadFailedException"/> if the store refuses or a read finds nothing.
    /// </summary>
    ValueTask RunOnceAsync(int client, LoadOperation operation, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value);
}

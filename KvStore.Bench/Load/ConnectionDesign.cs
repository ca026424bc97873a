namespace KvStore.Bench.Load;

/// <summary>How the clients of a load share TCP connections. Both are measured, because the choice moves the figures.</summary>
internal enum ConnectionDesign
{
    /// <summary>All clients share few connections, with requests of many clients in one packet.</summary>
    Multiplexed,

    /// <summary>One connection per client, as with most clients of other stores.</summary>
    PerClient,
}

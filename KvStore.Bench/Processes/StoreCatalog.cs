using KvStore.Bench.Peers.Etcd;
using KvStore.Bench.Peers.Kvd;
using KvStore.Bench.Peers.Redis;

namespace KvStore.Bench.Processes;

/// <summary>The stores that can be measured, by name. Each gets ports of its own from a common first one.</summary>
internal sealed class StoreCatalog(string dataParent, int firstPort, int partitions, string? kvdPath)
{
    private const int PortsPerStore = 10;

    public static IReadOnlyList<string> Names => ["kvd", "etcd", "redis"];

    /// <summary>
    /// A cluster with an empty data directory, not started. Throws <see cref="ArgumentException"/>
    /// for a name that is not in <see cref="Names"/> and <see cref="FileNotFoundException"/> if kvd is not built.
    /// </summary>
    public ServerCluster Create(string name) => name switch
    {
        "kvd" => new KvdCluster(KvdBinary.Find(kvdPath), dataParent, firstPort, partitions),
        "etcd" => new EtcdCluster(dataParent, firstPort + PortsPerStore),
        "redis" => new RedisCluster(dataParent, firstPort + (2 * PortsPerStore)),
        _ => throw new ArgumentException($"unknown store '{name}': {string.Join(", ", Names)}"),
    };
}

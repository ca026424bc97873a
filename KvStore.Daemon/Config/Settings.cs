namespace KvStore.Daemon.Config;

/// <summary>Every key there is. packaging/kvd.conf shows the same list to the operator, and a test compares the two.</summary>
public static class Settings
{
    /// <summary>Read when no --config is given; need not exist.</summary>
    public const string DefaultFile = "/etc/kvd/kvd.conf";

    public static readonly Setting NodeName = new("node", "name", HostName(), "the name of this node, unique in the cluster", "--name");

    public static readonly Setting Zone = new("node", "zone", "", "the failure zone; replicas are spread over zones", "--zone");

    public static readonly Setting DataDirectory = new("node", "data_dir", "/var/lib/kvd", "where the data lives, on a local disk", "--data-dir");

    public static readonly Setting Listen = new("network", "listen", "127.0.0.1:7400", "address for clients and peers", "--listen");

    public static readonly Setting Advertise = new("network", "advertise", "", "the address at which others reach this node; empty: the one it listens on", "--advertise");

    public static readonly Setting Http = new("network", "http", "127.0.0.1:7401", "address of /metrics, /livez, /readyz and /clusterz", "--http");

    public static readonly Setting MaxConnections = new("network", "max_connections", "20000", "client connections open at the same time");

    public static readonly Setting Insecure = new("network", "insecure", "false", "true: listen beyond loopback without TLS and authentication");

    public static readonly Setting MemTable = new("storage", "memtable", "64MiB", "memory for writes that are not yet in tables, all partitions together");

    public static readonly Setting BlockCache = new("storage", "block_cache", "128MiB", "memory for blocks read from tables");

    public static readonly Setting WalRetention = new("storage", "wal_retention", "1GiB", "log kept for replicas that were away");

    public static readonly Setting WalSegment = new("storage", "wal_segment", "64MiB", "size of one log file");

    public static readonly Setting Heartbeat = new("replication", "heartbeat", "100ms", "how often nodes tell each other that they live");

    public static readonly Setting Timeout = new("replication", "timeout", "1s", "a node not heard of for this long loses its primaries");

    public static readonly Setting MaxClockSkew = new("replication", "max_clock_skew", "10s", "timestamps further ahead than this are refused");

    public static readonly Setting UncommittedPerPartition = new("limits", "uncommitted_per_partition", "16MiB", "writes of one partition that may wait for a majority; beyond: overloaded");

    public static readonly Setting Uncommitted = new("limits", "uncommitted", "128MiB", "the same over all partitions of the node");

    /// <summary>In the order in which reports and the configuration file show them.</summary>
    public static readonly IReadOnlyList<Setting> All =
    [
        NodeName, Zone, DataDirectory,
        Listen, Advertise, Http, MaxConnections, Insecure,
        MemTable, BlockCache, WalRetention, WalSegment,
        Heartbeat, Timeout, MaxClockSkew,
        UncommittedPerPartition, Uncommitted,
    ];

    private static string HostName()
    {
        var name = Environment.MachineName;
        var dot = name.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 ? name[..dot] : name;
    }
}

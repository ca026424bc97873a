using System.Net;

namespace KvStore.Daemon.Config;

/// <summary>
/// The effective configuration of one node, checked. Sizes in bytes, times in milliseconds. What a key means and its default: <see cref="Settings"/>.
/// </summary>
public sealed record KvdConfig
{
    /// <summary>A flush makes one table, and its filter has to fit into a block (80 MiB): there is room for all of the smallest records in this.</summary>
    private const long MostMemTableBytes = 2L << 30;

    public required string NodeName { get; init; }

    public required string Zone { get; init; }

    /// <summary>Absolute.</summary>
    public required string DataDirectory { get; init; }

    public required HostPort Listen { get; init; }

    public required HostPort Advertise { get; init; }

    public required HostPort Http { get; init; }

    public required int MaxConnections { get; init; }

    public required bool Insecure { get; init; }

    public required long MemTableBytes { get; init; }

    public required long BlockCacheBytes { get; init; }

    public required long WalRetentionBytes { get; init; }

    public required int WalSegmentBytes { get; init; }

    public required int HeartbeatMs { get; init; }

    public required int TimeoutMs { get; init; }

    public required int MaxClockSkewMs { get; init; }

    public required int MaxPartitionUncommittedBytes { get; init; }

    public required long MaxUncommittedBytes { get; init; }

    /// <summary>Every setting's text and origin, in the order of <see cref="Settings.All"/>, as they were read.</summary>
    public required IReadOnlyList<ConfigValue> Values { get; init; }

    /// <summary>Reads and checks a configuration. Throws <see cref="ConfigException"/> for the first thing that is wrong.</summary>
    public static KvdConfig Load(ConfigSources sources)
    {
        var reader = ConfigReader.Read(sources);
        var listen = ConfigValues.ListenAddress(reader[Settings.Listen]);
        var config = new KvdConfig
        {
            NodeName = ConfigValues.Name(reader[Settings.NodeName], mayBeEmpty: false),
            Zone = ConfigValues.Name(reader[Settings.Zone], mayBeEmpty: true),
            DataDirectory = ConfigValues.Directory(reader[Settings.DataDirectory]),
            Listen = listen,
            Advertise = ReadAdvertise(reader[Settings.Advertise], listen),
            Http = ConfigValues.ListenAddress(reader[Settings.Http]),
            MaxConnections = ConfigValues.Count(reader[Settings.MaxConnections], 16, 1_000_000),
            Insecure = ConfigValues.Switch(reader[Settings.Insecure]),
            MemTableBytes = ConfigValues.Bytes(reader[Settings.MemTable], 1 << 20, MostMemTableBytes),
            BlockCacheBytes = ConfigValues.Bytes(reader[Settings.BlockCache], 1 << 20, 1L << 40),
            WalRetentionBytes = ConfigValues.Bytes(reader[Settings.WalRetention], 1 << 20, 1L << 44),
            WalSegmentBytes = (int)ConfigValues.Bytes(reader[Settings.WalSegment], 1 << 20, 1 << 30),
            HeartbeatMs = ConfigValues.Milliseconds(reader[Settings.Heartbeat], 10, 60_000),
            TimeoutMs = ConfigValues.Milliseconds(reader[Settings.Timeout], 30, 600_000),
            MaxClockSkewMs = ConfigValues.Milliseconds(reader[Settings.MaxClockSkew], 1, 3_600_000),
            MaxPartitionUncommittedBytes = (int)ConfigValues.Bytes(reader[Settings.UncommittedPerPartition], 1 << 20, 1 << 30),
            MaxUncommittedBytes = ConfigValues.Bytes(reader[Settings.Uncommitted], 1 << 20, 1L << 40),
            Values = reader.Values,
        };
        CheckTogether(config, reader);
        return config;
    }

    private static HostPort ReadAdvertise(ConfigValue value, HostPort listen)
    {
        if (value.Text.Length == 0 && IsAnyAddress(listen))
        {
            throw new ConfigException($"network.listen = {listen} is no address that others can reach: set network.advertise (or --advertise) to this node's HOST:PORT");
        }

        var advertise = value.Text.Length == 0 ? listen : ConfigValues.Address(value);
        return IsAnyAddress(advertise) ? throw ConfigValues.Refuse(value, "an address at which other nodes and clients reach this one") : advertise;
    }

    /// <summary>What no single value shows.</summary>
    private static void CheckTogether(KvdConfig config, ConfigReader reader)
    {
        RefuseOpenListener(config, reader[Settings.Listen], config.Listen);
        RefuseOpenListener(config, reader[Settings.Http], config.Http);
        if (config.Http == config.Listen) throw ConfigValues.Refuse(reader[Settings.Http], $"another address than network.listen ({config.Listen})");

        // Two heartbeats may be lost before the third saves a living node from being dropped.
        if (config.TimeoutMs < 3 * config.HeartbeatMs)
        {
            throw ConfigValues.Refuse(reader[Settings.Timeout], $"at least three times replication.heartbeat ({DurationText.Format(config.HeartbeatMs)})");
        }

        if (config.WalRetentionBytes < 2L * config.WalSegmentBytes)
        {
            throw ConfigValues.Refuse(reader[Settings.WalRetention], $"at least twice storage.wal_segment ({SizeText.Format(config.WalSegmentBytes)})");
        }

        const int batchAlignment = 4096;
        if (config.WalSegmentBytes % batchAlignment != 0) throw ConfigValues.Refuse(reader[Settings.WalSegment], "a multiple of 4KiB");
        if (config.MaxUncommittedBytes < config.MaxPartitionUncommittedBytes)
        {
            throw ConfigValues.Refuse(
                reader[Settings.Uncommitted], $"at least limits.uncommitted_per_partition ({SizeText.Format(config.MaxPartitionUncommittedBytes)})");
        }
    }

    private static void RefuseOpenListener(KvdConfig config, ConfigValue value, HostPort address)
    {
        if (config.Insecure || IPAddress.IsLoopback(address.ToEndPoint()!.Address)) return;
        throw new ConfigException(
            $"{value.Setting.Key} = {address} (from {value.Origin}) reaches beyond loopback, without TLS and authentication: "
            + "listen on 127.0.0.1, or set network.insecure = true if everybody on that network may read and write the data");
    }

    private static bool IsAnyAddress(HostPort address) =>
        address.ToEndPoint()?.Address is { } ip && (ip.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any));
}

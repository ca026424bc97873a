using System.Globalization;
using System.Net;
using KvStore.Bench.Load;
using KvStore.Bench.Processes;

namespace KvStore.Bench.Peers.Redis;

/// <summary>A Redis primary with two replicas, every one with `appendfsync always`.</summary>
internal sealed class RedisCluster : ServerCluster
{
    private const int Servers = 3;

    private readonly int _firstPort;

    /// <param name="dataParent">Where the data directory is made.</param>
    /// <param name="firstPort">The primary's port; the replicas take the next two.</param>
    public RedisCluster(string dataParent, int firstPort)
        : base("redis", dataParent) => _firstPort = firstPort;

    public override string Settings =>
        "redis: primary and two replicas, appendonly yes, appendfsync always on all three, no RDB; "
        + "SET is acknowledged after the primary's fsync, WAIT 1 after a replica received it (not after its fsync)";

    public override ILoadTarget CreateTarget(ConnectionDesign design) =>
        new RedisTarget(new IPEndPoint(IPAddress.Loopback, _firstPort), design);

    protected override void Launch()
    {
        for (int server = 0; server < Servers; server++)
        {
            string directory = Data.Sub($"r{server + 1}");
            Directory.CreateDirectory(directory);
            string port = (_firstPort + server).ToString(CultureInfo.InvariantCulture);
            // Without a delay the replicas' first synchronisation starts at once instead of after 5 s.
            List<string> arguments =
            [
                "--port", port, "--bind", "127.0.0.1", "--dir", directory, "--daemonize", "no",
                "--appendonly", "yes", "--appendfsync", "always", "--save", "", "--repl-diskless-sync-delay", "0",
            ];
            if (server > 0)
                arguments.AddRange(["--replicaof", $"127.0.0.1 {_firstPort}"]);
            Add(ServerProcess.Start($"r{server + 1}", "redis-server", arguments, Data.Sub($"r{server + 1}.log")));
        }
    }

    protected override async Task<bool> IsReadyAsync(CancellationToken cancellation)
    {
        string port = _firstPort.ToString(CultureInfo.InvariantCulture);
        CommandRun info = await CommandRun.RunAsync("redis-cli", ["-p", port, "info", "replication"], cancellation);
        return info.Output.Split("state=online").Length == Servers;
    }
}

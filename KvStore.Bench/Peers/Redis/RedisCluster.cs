using System.Globalization;
using System.Net;
using KvStore.Bench.Load;
using KvStore.Bench.Processes;

namespace KvStore.Bench.Peers.Redis;

/// <summary>A Redis primary (server 0) with two replicas, every one with `appendfsync always`.</summary>
internal sealed class RedisCluster(string dataParent, int firstPort) : ServerCluster("redis", dataParent, firstPort)
{
    public override string Settings =>
        "primary and two replicas, appendonly yes, appendfsync always on all three, no RDB; SET is acknowledged after the "
        + "primary's fsync, WAIT 1 after one replica received it (not after that replica's fsync); GET at the primary";

    // WAIT needs a connection per client; plain SET and GET are fastest over a shared one.
    public override IReadOnlyList<ConnectionDesign> Designs => [ConnectionDesign.Multiplexed, ConnectionDesign.PerClient];

    public override LoadOperation FillOperation => LoadOperation.FastPut;

    public override ILoadTarget CreateTarget(ConnectionDesign design) =>
        new RedisTarget(new IPEndPoint(IPAddress.Loopback, FirstPort), design);

    public override (string Program, string[] Arguments) CommandLineGet(string key) => ("redis-cli", ["-p", Port(0), "get", key]);

    protected override ServerProcess Launch(int server)
    {
        string name = $"r{server + 1}";
        string directory = Data.Sub(name);
        Directory.CreateDirectory(directory);
        // Without a delay the replicas' first synchronisation starts at once instead of after 5 s.
        List<string> arguments =
        [
            "--port", Port(server), "--bind", "127.0.0.1", "--dir", directory, "--daemonize", "no",
            "--appendonly", "yes", "--appendfsync", "always", "--save", "", "--repl-diskless-sync-delay", "0",
        ];
        if (server > 0)
            arguments.AddRange(["--replicaof", $"127.0.0.1 {Port(0)}"]);
        return ServerProcess.Start(name, "redis-server", arguments, Data.Sub(name + ".log"));
    }

    protected override async Task<bool> IsReadyAsync(CancellationToken cancellation)
    {
        CommandRun info = await CommandRun.RunAsync("redis-cli", ["-p", Port(0), "info", "replication"], cancellation);
        return info.Output.Split("state=online").Length == Servers;
    }

    private string Port(int server) => (FirstPort + server).ToString(CultureInfo.InvariantCulture);
}

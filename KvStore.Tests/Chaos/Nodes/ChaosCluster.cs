using KvStore.Core.Primitives;
using KvStore.Tests.Chaos.Network;
using KvStore.Tests.Processes;

namespace KvStore.Tests.Chaos.Nodes;

/// <summary>Nodes in namespaces, the wire between them, and the cluster that they form.</summary>
internal sealed class ChaosCluster : IDisposable
{
    public const int Partitions = 16;

    /// <summary>Small, so that logs turn over, tables are made and merged, and a node that was away for long needs a copy.</summary>
    public static readonly IReadOnlyDictionary<string, string> NodeEnvironment = new Dictionary<string, string>
    {
        ["KVD_NETWORK__INSECURE"] = "true",
        ["KVD_STORAGE__MEMTABLE"] = "8MiB",
        ["KVD_STORAGE__BLOCK_CACHE"] = "8MiB",
        ["KVD_STORAGE__WAL_SEGMENT"] = "4MiB",
        ["KVD_STORAGE__WAL_RETENTION"] = "16MiB",
    };

    private const int FormWithinSeconds = 60;

    public ChaosCluster(int nodes, string directory, Prng random, ChaosJournal journal)
    {
        for (var i = 1; i <= nodes; i++) SystemTool.Run("ip", "netns", "add", Wire.NamespaceOf(i));
        Wire = new Wire(nodes, random);
        var library = ClockShim.Build(directory);
        Directory.CreateDirectory(Path.Combine(directory, "logs"));
        Nodes = [.. Enumerable.Range(1, nodes).Select(i => new ChaosNode(i, directory, library, journal))];
    }

    public Wire Wire { get; }

    public IReadOnlyList<ChaosNode> Nodes { get; }

    public string[] Endpoints => [.. Nodes.Select(n => n.Endpoint)];

    public ChaosNode this[int number] => Nodes[number - 1];

    /// <summary>Starts all nodes and makes them a cluster that takes writes.</summary>
    public void Form()
    {
        foreach (var node in Nodes) node.Start();
        var endpoints = string.Join(',', Endpoints);
        KvdCluster.Within(
            FormWithinSeconds, () => Kvctl.Run(endpoints, "cluster", "init", "--nodes", endpoints, "--partitions", $"{Partitions}", "--timeout", "5s"), r => r.ExitCode == 0);
        KvdCluster.Within(
            FormWithinSeconds, () => Kvctl.Run(endpoints, "cluster", "status", "--json"), r => r.ExitCode == 0 && r.Json.GetProperty("without_primary").GetInt32() == 0);
    }

    public void Dispose()
    {
        foreach (var node in Nodes) node.Dispose();
    }
}

using KvStore.Daemon.Ctl.Documents;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Daemon.Ctl.Health;

/// <summary>How a cluster is, judged from its topology and what each member says of itself.</summary>
internal sealed class ClusterHealth
{
    public const string Healthy = "healthy";
    public const string Degraded = "degraded";
    public const string Critical = "critical";

    private const int Majority = (Limits.Replicas / 2) + 1;

    private readonly int _withoutMajority;
    private readonly int _underReplicated;

    public ClusterHealth(TopologyReply topology, IReadOnlyList<NodeReport> nodes)
    {
        Topology = topology;
        Nodes = nodes;
        var alive = nodes.Where(n => n.Alive).Select(n => n.Member.Node).ToHashSet();
        var led = Led(topology, nodes);
        for (var partition = 0; partition < topology.PartitionCount; partition++)
        {
            var up = 0;
            foreach (var node in topology.ReplicasOf(partition)) up += alive.Contains(node) ? 1 : 0;
            if (up < Limits.Replicas) _underReplicated++;
            if (up < Majority) _withoutMajority++;
            if (!led.Contains(partition)) WithoutPrimary++;
        }
    }

    public TopologyReply Topology { get; }

    public IReadOnlyList<NodeReport> Nodes { get; }

    /// <summary>Partitions that nobody leads: their strong writes and quorum reads are refused.</summary>
    public int WithoutPrimary { get; }

    /// <summary>One of <see cref="Healthy"/>, <see cref="Degraded"/> (all works, but a further failure may not be survived), <see cref="Critical"/> (something is refused).</summary>
    public string Health =>
        WithoutPrimary > 0 || _withoutMajority > 0 ? Critical
        : _underReplicated > 0 || Nodes.Any(n => !n.Alive || !n.Reachable) ? Degraded
        : Healthy;

    /// <summary>The state of the cluster in a sentence.</summary>
    public string Sentence
    {
        get
        {
            var of = $"of {Topology.PartitionCount} partitions";
            var nodes = Absent();
            if (_withoutMajority > 0) return $"{nodes}; {_withoutMajority} {of} have lost their majority: strong writes and quorum reads on them are refused";
            if (WithoutPrimary > 0) return $"{nodes}; {WithoutPrimary} {of} have no primary at the moment";
            if (_underReplicated > 0) return $"{nodes}; everything works, but {_underReplicated} {of} would stop taking strong writes at one more failure";
            return $"{nodes}; every partition has a primary and {Limits.Replicas} live replicas";
        }
    }

    private string Absent()
    {
        var down = Nodes.Where(n => !n.Alive).Select(n => n.Member.Name).ToArray();
        var silent = Nodes.Where(n => n.Alive && !n.Reachable).Select(n => n.Member.Name).ToArray();
        var parts = new List<string>();
        if (down.Length > 0) parts.Add($"{Listed(down)} down");
        if (silent.Length > 0) parts.Add($"{Listed(silent)} not reachable from here");
        return parts.Count > 0 ? string.Join(" and ", parts) : $"all {Nodes.Count} nodes are up";
    }

    private static string Listed(string[] names) => names switch
    {
        [var one] => $"{one} is",
        [.. var others, var last] => $"{string.Join(", ", others)} and {last} are",
        [] => "",
    };

    // A node that answered knows best what it leads; of one that is only unreachable from here the cluster's view counts.
    private static HashSet<int> Led(TopologyReply topology, IReadOnlyList<NodeReport> nodes)
    {
        var led = new HashSet<int>();
        foreach (var node in nodes)
        {
            if (node.Status is { } status) led.UnionWith(status.Leads.Select(p => (int)p));
            else if (node.Alive) led.UnionWith(Enumerable.Range(0, topology.PartitionCount).Where(p => topology.Leaders[p] == node.Member.Node));
        }

        return led;
    }
}

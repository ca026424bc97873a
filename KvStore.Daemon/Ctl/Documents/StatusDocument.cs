using System.Globalization;
using System.Text;
using KvStore.Daemon.Ctl.Health;
using KvStore.Daemon.Ctl.Output;
using KvStore.Protocol.Messages;

namespace KvStore.Daemon.Ctl.Documents;

/// <summary>The health of the cluster.</summary>
internal static class StatusDocument
{
    public const string Schema = "kvd.status/1";

    private const string NotKnown = "-";
    private const string Reset = "\e[0m";

    public static DocumentWriter Json(ClusterHealth cluster)
    {
        var document = new DocumentWriter(Schema, ok: true)
            .Text("cluster_id", ClusterIdText.Write(cluster.Topology.ClusterId))
            .Text("health", cluster.Health)
            .Text("sentence", cluster.Sentence)
            .Wide("topology_version", cluster.Topology.Version)
            .Number("partitions", cluster.Topology.PartitionCount)
            .Number("without_primary", cluster.WithoutPrimary);
        var owns = Owns(cluster);
        document.Json.WriteStartArray("nodes");
        foreach (var node in cluster.Nodes)
        {
            document.Json.WriteStartObject();
            WriteNode(document, node, owns[node.Member.Node]);
            document.Json.WriteEndObject();
        }

        document.Json.WriteEndArray();
        return document.Texts("operations", []);
    }

    /// <param name="color">The reader is a terminal that shows colours.</param>
    public static string Text(ClusterHealth cluster, bool color)
    {
        var (on, off) = color ? (Color(cluster.Health), Reset) : ("", "");
        var text = new StringBuilder($"{on}{cluster.Health}{off}: {cluster.Sentence}.\n");
        var table = new TextTable("NODE", "ADDRESS", "ZONE", "STATE", "OWNS", "PRIMARIES", "DATA", "WAL", "LAG", "FSYNC P95", "SKEW", "VERSION")
            .Right("OWNS", "PRIMARIES", "DATA", "WAL", "LAG", "FSYNC P95", "SKEW");
        var owns = Owns(cluster);
        foreach (var node in cluster.Nodes) table.Add(Row(node, owns[node.Member.Node]));
        table.AppendTo(text);
        foreach (var node in cluster.Nodes.Where(n => !n.Reachable))
            text.Append($"{node.Member.Name} ({node.Member.Address}) did not answer: {node.Failure}\n");
        return text.ToString();
    }

    public static string JsonSchema() => Shape.Document(
        Schema, ok: true, "The health of the cluster; nodes that do not answer are listed too, with null for what only they know.",
        [
            new("cluster_id", Shape.Pattern(ClusterIdText.Pattern), "the cluster's identity"),
            new("health", Shape.OneOf(ClusterHealth.Healthy, ClusterHealth.Degraded, ClusterHealth.Critical), "degraded: all works, with less in reserve; critical: something is refused"),
            new("sentence", Shape.Text, "the same for people"),
            new("topology_version", Shape.Wide, "of the topology document"),
            new("partitions", Shape.Integer, "how many there are"),
            new("without_primary", Shape.Integer, "partitions that nobody leads at the moment"),
            new("nodes", Shape.List(Shape.Object(NodeFields())), "the members"),
            new("operations", Shape.List(Shape.Text), "ids of operations in progress"),
        ]);

    private static Field[] NodeFields() =>
    [
        new("id", Shape.Wide, "its number, never used again"),
        new("name", Shape.Text, "its name"),
        new("address", Shape.Text, "host:port of the data protocol"),
        new("zone", Shape.Text, "its failure zone; may be empty"),
        new("state", Shape.OneOf(MemberState.Up, MemberState.Down, "joining", "leaving"), "what it is to the cluster"),
        new("reachable", Shape.Flag, "whether it answered kvctl"),
        new("owns", Shape.Number, "the share of all replicas that it holds, 0 to 1"),
        new("primaries", Shape.Integer.OrNull(), "partitions it leads"),
        new("data_bytes", Shape.Wide.OrNull(), "its data on disk and in memory"),
        new("wal_bytes", Shape.Wide.OrNull(), "its write-ahead log on disk"),
        new("lag_seconds", Shape.Number.OrNull(), "how far its furthest replica may be behind its primary"),
        new("fsync_p95_us", Shape.Integer.OrNull(), "95th percentile of its syncs, microseconds"),
        new("skew_ms", Shape.Integer.OrNull(), "its clock against its peers; positive is ahead"),
        new("version", Shape.Text.OrNull(), "of its build"),
    ];

    private static void WriteNode(DocumentWriter document, NodeReport node, double owns)
    {
        document
            .Wide("id", node.Member.Node)
            .Text("name", node.Member.Name)
            .Text("address", node.Member.Address)
            .Text("zone", node.Member.Zone)
            .Text("state", node.State)
            .Flag("reachable", node.Reachable)
            .Fraction("owns", owns, digits: 4);
        if (node.Status is not { } status)
        {
            foreach (var name in (string[])["primaries", "data_bytes", "wal_bytes", "lag_seconds", "fsync_p95_us", "skew_ms", "version"])
                document.Text(name, null);
            return;
        }

        document
            .Number("primaries", status.Leads.Count)
            .Wide("data_bytes", status.DataBytes)
            .Wide("wal_bytes", status.WalBytes)
            .Fraction("lag_seconds", status.LagMs / 1000.0, digits: 3)
            .Number("fsync_p95_us", status.FsyncP95Us)
            .Number("skew_ms", status.SkewMs)
            .Text("version", status.BuildVersion);
    }

    private static string[] Row(NodeReport node, double owns)
    {
        string[] head = [node.Member.Name, node.Member.Address, node.Member.Zone, node.State, HumanText.Percent(owns)];
        if (node.Status is not { } status) return [.. head, .. Enumerable.Repeat(NotKnown, 7)];
        return [
            .. head, Number(status.Leads.Count), HumanText.Bytes(status.DataBytes), HumanText.Bytes(status.WalBytes),
            HumanText.Invariant($"{status.LagMs / 1000.0:F3} s"), $"{Number(status.FsyncP95Us)} us", $"{Number(status.SkewMs)} ms", status.BuildVersion];
    }

    private static Dictionary<ushort, double> Owns(ClusterHealth cluster) =>
        RingShare.Of(cluster.Topology).ToDictionary(s => s.Member.Node, s => s.Owns);

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Color(string health) => health switch
    {
        ClusterHealth.Healthy => "\e[32m",
        ClusterHealth.Degraded => "\e[33m",
        _ => "\e[31m",
    };
}

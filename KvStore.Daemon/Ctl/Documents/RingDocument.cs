using System.Globalization;
using System.Text;
using KvStore.Daemon.Ctl.Output;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Daemon.Ctl.Documents;

/// <summary>Who holds and who leads which partitions, as one node knows it.</summary>
internal static class RingDocument
{
    public const string Schema = "kvd.ring/1";

    public static DocumentWriter Json(TopologyReply topology)
    {
        var names = new NodeNames(topology.Members);
        var document = new DocumentWriter(Schema, ok: true)
            .Text("cluster_id", ClusterIdText.Write(topology.ClusterId))
            .Wide("topology_version", topology.Version)
            .Number("partitions", topology.PartitionCount);
        var json = document.Json;
        json.WriteStartArray("nodes");
        foreach (var share in RingShare.Of(topology))
        {
            json.WriteStartObject();
            document
                .Wide("id", share.Member.Node)
                .Text("name", share.Member.Name)
                .Text("zone", share.Member.Zone)
                .Number("weight", share.Member.Weight)
                .Fraction("owns", share.Owns, digits: 4)
                .Number("replicas", share.Replicas)
                .Number("preferred", share.Preferred)
                .Number("primaries", share.Primaries);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("ring");
        for (var partition = 0; partition < topology.PartitionCount; partition++)
        {
            json.WriteStartObject();
            document
                .Number("partition", partition)
                .Texts("replicas", names.All(topology.ReplicasOf(partition).ToArray()))
                .Text("primary", names[topology.Leaders[partition]]);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        return document;
    }

    public static string Text(TopologyReply topology)
    {
        var text = new StringBuilder();
        text.Append($"{topology.PartitionCount} partitions with {Limits.Replicas} replicas each on {topology.Members.Count} nodes, topology version {topology.Version}.\n");
        var without = topology.Leaders.Count(leader => leader == 0);
        if (without > 0) text.Append($"{without} partitions have no known primary.\n");
        var table = new TextTable("NODE", "ZONE", "WEIGHT", "OWNS", "REPLICAS", "PREFERRED", "PRIMARIES")
            .Right("WEIGHT", "OWNS", "REPLICAS", "PREFERRED", "PRIMARIES");
        foreach (var share in RingShare.Of(topology))
            table.Add(share.Member.Name, share.Member.Zone, Number(share.Member.Weight), HumanText.Percent(share.Owns), Number(share.Replicas), Number(share.Preferred), Number(share.Primaries));
        table.AppendTo(text);
        return text.ToString();
    }

    public static string JsonSchema() => Shape.Document(
        Schema, ok: true, "Who holds and who leads which partitions, as the node that was asked knows it.",
        [
            new("cluster_id", Shape.Pattern(ClusterIdText.Pattern), "the cluster's identity"),
            new("topology_version", Shape.Wide, "of the topology document"),
            new("partitions", Shape.Integer, "how many there are"),
            new("nodes", Shape.List(Shape.Object(
                new Field("id", Shape.Wide, "its number, never used again"),
                new Field("name", Shape.Text, "its name"),
                new Field("zone", Shape.Text, "its failure zone; may be empty"),
                new Field("weight", Shape.Integer, "its share of the key space relative to the others"),
                new Field("owns", Shape.Number, "the share of all replicas that it holds, 0 to 1"),
                new Field("replicas", Shape.Integer, "partitions it holds"),
                new Field("preferred", Shape.Integer, "partitions it leads when all is well"),
                new Field("primaries", Shape.Integer, "partitions it leads now"))), "the members"),
            new("ring", Shape.List(Shape.Object(
                new Field("partition", Shape.Integer, "its number"),
                new Field("replicas", Shape.List(Shape.Text), "the nodes that hold it, in preference order"),
                new Field("primary", Shape.Text.OrNull(), "the node that leads it; null: not known"))), "every partition"),
        ]);

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}

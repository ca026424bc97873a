using System.Text;
using KvStore.Daemon.Ctl.Output;
using KvStore.Protocol.Messages;

namespace KvStore.Daemon.Ctl.Documents;

/// <summary>The members of the cluster, as one node knows them.</summary>
internal static class MembersDocument
{
    public const string Schema = "kvd.members/1";

    public static DocumentWriter Json(TopologyReply topology)
    {
        var document = new DocumentWriter(Schema, ok: true)
            .Text("cluster_id", ClusterIdText.Write(topology.ClusterId))
            .Wide("topology_version", topology.Version);
        document.Json.WriteStartArray("nodes");
        foreach (var member in topology.Members)
        {
            document.Json.WriteStartObject();
            document
                .Wide("id", member.Node)
                .Text("name", member.Name)
                .Text("address", member.Address)
                .Text("zone", member.Zone)
                .Number("weight", member.Weight)
                .Text("state", MemberState.Name(member));
            document.Json.WriteEndObject();
        }

        document.Json.WriteEndArray();
        return document;
    }

    public static string Text(TopologyReply topology)
    {
        var text = new StringBuilder();
        text.Append($"Cluster {ClusterIdText.Write(topology.ClusterId)}, {topology.Members.Count} members, topology version {topology.Version}.\n");
        var table = new TextTable("ID", "NAME", "ADDRESS", "ZONE", "WEIGHT", "STATE").Right("ID", "WEIGHT");
        foreach (var member in topology.Members)
            table.Add($"{member.Node}", member.Name, member.Address, member.Zone, $"{member.Weight}", MemberState.Name(member));
        table.AppendTo(text);
        return text.ToString();
    }

    public static string JsonSchema() => Shape.Document(
        Schema, ok: true, "The members of the cluster, as the node that was asked knows them.",
        [
            new("cluster_id", Shape.Pattern(ClusterIdText.Pattern), "the cluster's identity"),
            new("topology_version", Shape.Wide, "of the topology document"),
            new("nodes", Shape.List(Shape.Object(
                new Field("id", Shape.Wide, "its number, never used again"),
                new Field("name", Shape.Text, "its name"),
                new Field("address", Shape.Text, "host:port of the data protocol"),
                new Field("zone", Shape.Text, "its failure zone; may be empty"),
                new Field("weight", Shape.Integer, "its share of the key space relative to the others"),
                new Field("state", Shape.OneOf(MemberState.Names), "as the node that was asked sees it"))), "the members"),
        ]);
}

using System.Text;
using KvStore.Daemon.Ctl.Output;
using KvStore.Protocol.Messages;

namespace KvStore.Daemon.Ctl.Documents;

/// <summary>A cluster that was formed, or whose formation was given up.</summary>
internal static class InitDocument
{
    public const string Schema = "kvd.init/1";

    public static DocumentWriter Json(InitReply reply)
    {
        var document = new DocumentWriter(Schema, ok: true)
            .Text("state", StateText(reply.State))
            .Text("cluster_id", ClusterIdText.Write(reply.ClusterId))
            .Number("partitions", reply.Partitions);
        document.Json.WriteStartArray("nodes");
        foreach (var member in reply.Members)
        {
            document.Json.WriteStartObject();
            document.Wide("id", member.Node).Text("name", member.Name).Text("address", member.Address);
            document.Json.WriteEndObject();
        }

        document.Json.WriteEndArray();
        return document;
    }

    public static string Text(InitReply reply)
    {
        var id = ClusterIdText.Write(reply.ClusterId);
        if (reply.State == InitState.Aborted) return $"The formation of cluster {id} was given up.\n";
        var text = new StringBuilder($"Cluster {id} is formed: {reply.Partitions} partitions on {reply.Members.Count} nodes.\n");
        var table = new TextTable("ID", "NAME", "ADDRESS").Right("ID");
        foreach (var member in reply.Members) table.Add($"{member.Node}", member.Name, member.Address);
        table.AppendTo(text);
        return text.ToString();
    }

    public static string JsonSchema() => Shape.Document(
        Schema, ok: true, "A cluster that was formed, or whose formation was given up.",
        [
            new("state", Shape.OneOf("committed", "aborted"), "what became of it"),
            new("cluster_id", Shape.Pattern(ClusterIdText.Pattern), "the cluster's identity"),
            new("partitions", Shape.Integer, "how many partitions the key space has, for ever"),
            new("nodes", Shape.List(Shape.Object(
                new Field("id", Shape.Wide, "its number, never used again"),
                new Field("name", Shape.Text, "its name"),
                new Field("address", Shape.Text, "host:port of the data protocol"))), "the members"),
        ]);

    private static string StateText(InitState state) => state == InitState.Aborted ? "aborted" : "committed";
}

using System.Globalization;
using System.Text;
using KvStore.Daemon.Ctl.Output;
using KvStore.Protocol.Messages;

namespace KvStore.Daemon.Ctl.Documents;

/// <summary>Where a key lives and what its replicas know of it.</summary>
internal static class ExplainDocument
{
    public const string Schema = "kvd.explain/1";

    private const string None = "-";

    public static DocumentWriter Json(ReadOnlySpan<byte> key, ExplainReply reply)
    {
        var document = new DocumentWriter(Schema, ok: true)
            .Bytes("key", key)
            .Text("hash", Hex(reply.Hash))
            .Number("partition", reply.Partition)
            .Number("partitions", reply.PartitionCount)
            .Text("ring_position", Hex(reply.RingPosition))
            .Text("primary", Primary(reply));
        document.Json.WriteStartArray("replicas");
        foreach (var replica in reply.Replicas)
        {
            document.Json.WriteStartObject();
            WriteReplica(document, replica);
            document.Json.WriteEndObject();
        }

        document.Json.WriteEndArray();
        WriteVerdict(document, "local_read", reply.LocalRead);
        WriteVerdict(document, "quorum_read", reply.QuorumRead);
        WriteVerdict(document, "strong_write", reply.StrongWrite);
        return document;
    }

    public static string Text(ReadOnlySpan<byte> key, ExplainReply reply)
    {
        var text = new StringBuilder();
        text.Append($"{KeyText.Display(key)}: partition {reply.Partition} of {reply.PartitionCount}, hash {Hex(reply.Hash)}, ring position {Hex(reply.RingPosition)}\n");
        text.Append(Primary(reply) is { } primary ? $"primary: {primary}\n" : "primary: none known\n");
        var table = new TextTable("REPLICA", "ZONE", "UP", "ROLE", "TERM", "APPLIED", "COMMIT", "RECORD", "VERSION", "TIMESTAMP", "STALE", "DETACHED")
            .Right("TERM", "APPLIED", "COMMIT", "STALE", "DETACHED");
        foreach (var replica in reply.Replicas) table.Add(Row(replica));
        table.AppendTo(text);
        foreach (var replica in reply.Replicas.Where(r => !r.Reachable))
            text.Append($"{NameOf(replica)} did not answer: {replica.Reason}\n");
        text.Append(VerdictText("local read", reply.LocalRead));
        text.Append(VerdictText("quorum read", reply.QuorumRead));
        text.Append(VerdictText("strong write", reply.StrongWrite));
        return text.ToString();
    }

    public static string JsonSchema()
    {
        var verdict = Shape.Object(
            new Field("possible", Shape.Flag, "whether it would succeed now"),
            new Field("why", Shape.Text, "the reason"));
        return Shape.Document(
            Schema, ok: true, "Where a key lives and what its replicas know of it.",
            [
                RecordFields.Key,
                new("hash", Shape.Pattern("^[0-9a-f]{16}$"), "XXH3-64 of the key's hash tag"),
                new("partition", Shape.Integer, "the partition that holds the key"),
                new("partitions", Shape.Integer, "how many there are"),
                new("ring_position", Shape.Pattern("^[0-9a-f]{16}$"), "the partition's own position on the ring"),
                new("primary", Shape.Text.OrNull(), "the node that leads it; null: not known"),
                new("replicas", Shape.List(Shape.Object(ReplicaFields())), "the nodes that hold it, in preference order"),
                new("local_read", verdict, "what a local read would meet now"),
                new("quorum_read", verdict, "what a quorum read would meet now"),
                new("strong_write", verdict, "what a strong write would meet now"),
            ]);
    }

    private static Field[] ReplicaFields() =>
    [
        new("node", Shape.Text, "its name"),
        new("zone", Shape.Text, "its failure zone; may be empty"),
        new("up", Shape.Flag, "whether it answered"),
        new("reason", Shape.Text.OrNull(), "why it did not"),
        new("role", Shape.OneOf("primary", "replica", "candidate", "learner", "unknown"), "what it is in its group"),
        new("term", Shape.Wide.OrNull(), "its current term"),
        new("applied_index", Shape.Wide.OrNull(), "the last log entry in its state"),
        new("last_index", Shape.Wide.OrNull(), "the last entry of its log"),
        new("commit_index", Shape.Wide.OrNull(), "the last entry it knows to be committed"),
        new("found", Shape.Flag, "whether it has a live record"),
        .. RecordFields.RevisionFields("its record or tombstone"),
        new("tombstone", Shape.Flag, "whether it remembers a deletion"),
        new("expires_at", Shape.Moment.OrNull(), "when the record expires; null: never"),
        new("staleness_ms", Shape.Integer.OrNull(), "how old its state may be at most; null: there is no bound"),
        new("detached_writes", Shape.Integer, "writes it took without a primary and has still to hand over"),
    ];

    private static void WriteReplica(DocumentWriter document, ExplainReplica replica)
    {
        document
            .Text("node", NameOf(replica))
            .Text("zone", replica.Zone)
            .Flag("up", replica.Reachable)
            .Text("reason", replica.Reachable ? null : replica.Reason)
            .Text("role", Role(replica));
        foreach (var (name, value) in ((string, ulong)[])[
            ("term", replica.Term), ("applied_index", replica.AppliedIndex), ("last_index", replica.LastIndex), ("commit_index", replica.CommitIndex)])
            document.Text(name, replica.Reachable ? Number(value) : null);
        document
            .Flag("found", replica.Found)
            .Revision(replica.Revision)
            .Flag("tombstone", replica.Tombstone)
            .Moment("expires_at", (long?)replica.ExpiresAtMs)
            .Optional("staleness_ms", replica.StalenessMs)
            .Number("detached_writes", replica.DetachedWrites);
    }

    private static void WriteVerdict(DocumentWriter document, string name, ExplainVerdict verdict)
    {
        document.Json.WriteStartObject(name);
        document.Flag("possible", verdict.Possible).Text("why", verdict.Why);
        document.Json.WriteEndObject();
    }

    private static string[] Row(ExplainReplica replica)
    {
        if (!replica.Reachable) return [NameOf(replica), replica.Zone, "no", .. Enumerable.Repeat(None, 9)];
        return [
            NameOf(replica), replica.Zone, "yes", Role(replica), Number(replica.Term), Number(replica.AppliedIndex), Number(replica.CommitIndex),
            replica.Found ? "live" : replica.Tombstone ? "tombstone" : "absent",
            replica.Revision.IsNone ? None : replica.Revision.VersionText,
            replica.Revision.IsNone ? None : DocumentWriter.MomentText(replica.Revision.WallMs),
            replica.StalenessMs is { } stale ? $"{Number(stale)} ms" : None, Number(replica.DetachedWrites)];
    }

    private static string VerdictText(string what, ExplainVerdict verdict) =>
        $"{what}: {(verdict.Possible ? "possible" : "refused")}{(verdict.Why.Length > 0 ? ", " + verdict.Why : "")}\n";

    private static string? Primary(ExplainReply reply)
    {
        if (reply.Leader == 0) return null;
        return reply.Replicas.FirstOrDefault(r => r.Node == reply.Leader) is { } replica ? NameOf(replica) : NodeNames.Numbers[reply.Leader];
    }

    private static string NameOf(ExplainReplica replica) => replica.Name.Length > 0 ? replica.Name : NodeNames.Numbers[replica.Node] ?? None;

    private static string Role(ExplainReplica replica) => replica.Role switch
    {
        ReplicaRole.Primary => "primary",
        ReplicaRole.Replica => "replica",
        ReplicaRole.Candidate => "candidate",
        ReplicaRole.Learner => "learner",
        _ => "unknown",
    };

    private static string Hex(ulong number) => number.ToString("x16", CultureInfo.InvariantCulture);

    private static string Number(ulong number) => number.ToString(CultureInfo.InvariantCulture);
}

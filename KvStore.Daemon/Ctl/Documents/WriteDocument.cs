using KvStore.Daemon.Ctl.Output;
using KvStore.Protocol.Messages;

namespace KvStore.Daemon.Ctl.Documents;

/// <summary>A put or a delete that was applied.</summary>
internal static class WriteDocument
{
    public const string Schema = "kvd.write/1";

    /// <param name="elapsedUs">From handing the request over to its answer, in microseconds.</param>
    public static DocumentWriter Json(ReadOnlySpan<byte> key, WriteKind kind, in WriteResult result, NodeNames names, long elapsedUs)
    {
        var document = new DocumentWriter(Schema, ok: true)
            .Bytes("key", key)
            .Text("outcome", result.Outcome.Name())
            .Text("requested", result.Requested.Name())
            .Text("achieved", result.Achieved.Name())
            .Revision(result.Revision)
            .Number("partition", result.Partition)
            .Text("primary", names[result.Primary])
            .Texts("acked_by", names.All(result.AckedBy.ToArray()))
            .Flag("detached", result.Detached)
            .Text("request_id", null)
            .Number("elapsed_us", elapsedUs);
        return kind == WriteKind.Delete ? document.Flag("existed", result.Existed) : document;
    }

    /// <param name="namesKey">The line begins with the key, because there are several.</param>
    public static string Text(ReadOnlySpan<byte> key, WriteKind kind, in WriteResult result, NodeNames names, bool namesKey)
    {
        var what = kind == WriteKind.Put ? "applied" : result.Existed ? "deleted" : "was absent";
        var where = string.Join(" ", names.All(result.AckedBy.ToArray()));
        var detached = result.Detached ? ", detached" : "";
        var head = namesKey ? $"{KeyText.Display(key)}: " : "";
        return $"{head}{what} ({result.Achieved.Name()}{detached}, on {where}) revision {result.Revision}\n";
    }

    public static string JsonSchema() => Shape.Document(
        Schema, ok: true, "A put or a delete that was applied.",
        [
            RecordFields.Key,
            new("outcome", Shape.OneOf("applied"), "what became of the write"),
            new("requested", Shape.OneOf("fast", "strong"), "the consistency asked for"),
            new("achieved", Shape.OneOf("fast", "strong"), "the consistency reached"),
            .. RecordFields.RevisionFields("the write"),
            new("partition", Shape.Integer, "the partition that holds the key"),
            new("primary", Shape.Text.OrNull(), "the node that sequenced the write; null if it was detached"),
            new("acked_by", Shape.List(Shape.Text), "the nodes that held it durably when it was acknowledged"),
            new("detached", Shape.Flag, "accepted without a reachable primary; reconciled later"),
            new("request_id", Shape.Text.OrNull(), "the idempotency id sent with it"),
            new("elapsed_us", Shape.Integer, "microseconds until the answer"),
        ],
        optional: [new("existed", Shape.Flag, "deletes only: whether there was a record")]);
}

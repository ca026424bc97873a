using KvStore.Daemon.Ctl.Output;
using KvStore.Protocol.Messages;

namespace KvStore.Daemon.Ctl.Documents;

/// <summary>What a get found for one key.</summary>
internal static class ReadDocument
{
    public const string Schema = "kvd.read/1";

    public static DocumentWriter Json(
        ReadOnlySpan<byte> key, in ReadResult result, ReadConsistency requested, NodeNames names, long elapsedUs)
    {
        var document = new DocumentWriter(Schema, ok: true).Bytes("key", key).Flag("found", result.Found);
        if (result.Found) document.Bytes("value", result.Value.Span);
        else document.Text("value", null);
        return document
            .Revision(result.Revision)
            .Text("requested", requested.Name())
            .Text("achieved", result.Achieved.Name())
            .Text("served_by", names[result.ServedBy])
            .Text("role", result.FromPrimary ? "primary" : "replica")
            .Optional("staleness_ms", result.StalenessMs)
            .Flag("detached", result.Detached)
            .Moment("expires_at", (long?)result.ExpiresAtMs)
            .Number("elapsed_us", elapsedUs);
    }

    public static string JsonSchema() => Shape.Document(
        Schema, ok: true, "What a get found for one key.",
        [
            RecordFields.Key,
            new("found", Shape.Flag, "whether there is a record"),
            new("value", Shape.Bytes.OrNull(), "the record's value; null if there is none"),
            .. RecordFields.RevisionFields("the record, or of the deletion that is remembered"),
            new("requested", Shape.OneOf("local", "quorum"), "the consistency asked for"),
            new("achieved", Shape.OneOf("local", "quorum"), "the consistency reached"),
            new("served_by", Shape.Text.OrNull(), "the node whose replica answered"),
            new("role", Shape.OneOf("primary", "replica"), "what that replica was"),
            new("staleness_ms", Shape.Integer.OrNull(), "how old the answer may be at most; null: there is no bound"),
            new("detached", Shape.Flag, "the replica was cut off from its primary"),
            new("expires_at", Shape.Moment.OrNull(), "when the record expires; null: never"),
            new("elapsed_us", Shape.Integer, "microseconds until the answer"),
        ]);
}

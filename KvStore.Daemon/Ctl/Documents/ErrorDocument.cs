using System.Text;
using KvStore.Daemon.Ctl.Output;
using KvStore.Protocol.Messages;

namespace KvStore.Daemon.Ctl.Documents;

/// <summary>A request, or its part for one key, that failed.</summary>
internal static class ErrorDocument
{
    public const string Schema = "kvd.error/1";

    /// <param name="key">Null when the request was not about one key.</param>
    /// <param name="requested">The consistency asked for; null where there is none to ask for.</param>
    public static DocumentWriter Json(byte[]? key, CtlError error, string? requested, NodeNames names)
    {
        var document = new DocumentWriter(Schema, ok: false);
        if (key is null) document.Text("key", null);
        else document.Bytes("key", key);
        document
            .Text("error", error.Code.Name())
            .Text("message", error.Message)
            .Text("outcome", OutcomeText(error))
            .Text("requested", requested)
            .Flag("retryable", error.Retryable);
        document.Json.WriteStartArray("missing");
        foreach (var missing in error.Missing)
        {
            document.Json.WriteStartObject();
            document.Text("node", names[missing.Node]).Text("reason", missing.Reason);
            document.Json.WriteEndObject();
        }

        document.Json.WriteEndArray();
        document.Text("advice", error.Advice.Length > 0 ? error.Advice : null);
        if (error.Code == KvError.ConditionFailed)
            document.Text("current_revision", error.Current is { IsNone: false } current ? current.ToString() : null);
        return document;
    }

    /// <summary>The same for people, on standard error.</summary>
    public static string Text(byte[]? key, CtlError error, NodeNames names)
    {
        var text = new StringBuilder("kvctl: ");
        if (key is not null) text.Append($"{KeyText.Display(key)}: ");
        text.Append($"{error.Code.Name()}: {error.Message}");
        if (OutcomeText(error) is { } outcome) text.Append($" (outcome: {outcome})");
        if (error.Missing.Count > 0)
            text.Append($"\n  missing: {string.Join(", ", error.Missing.Select(m => $"{names[m.Node]} ({m.Reason})"))}");
        if (error.Advice.Length > 0) text.Append($"\n  {error.Advice}");
        return text.ToString();
    }

    public static string JsonSchema() => Shape.Document(
        Schema, ok: false, "A request, or its part for one key, that failed.",
        [
            new("key", Shape.Bytes.OrNull(), "the key; null if the request was not about one"),
            new("error", Shape.Text, "what went wrong, a name that never changes"),
            new("message", Shape.Text, "what went wrong, for people"),
            new("outcome", Shape.OneOf("not_applied", "unknown").OrNull(), "of a write: whether it may have an effect; null otherwise"),
            new("requested", Shape.OneOf("fast", "strong", "local", "quorum").OrNull(), "the consistency asked for"),
            new("retryable", Shape.Flag, "the same request may succeed later"),
            new("missing", Shape.List(Shape.Object(
                new Field("node", Shape.Text.OrNull(), "its name"),
                new Field("reason", Shape.Text, "why it did not take part"))), "replicas that were needed and did not take part"),
            new("advice", Shape.Text.OrNull(), "what to do"),
        ],
        optional: [new("current_revision", Shape.Revision.OrNull(), "condition_failed only: the record's revision; null if there is no record")]);

    private static string? OutcomeText(CtlError error) => error.Outcome == Outcome.None ? null : error.Outcome.Name();
}

using System.Buffers.Text;
using KvStore.Daemon.Ctl.Output;
using KvStore.Protocol.Messages;

namespace KvStore.Daemon.Ctl.Documents;

/// <summary>One record of a scan.</summary>
internal static class ScanDocument
{
    public const string Schema = "kvd.scan/1";

    /// <param name="page">The page the record came in: how it was read.</param>
    /// <param name="withValue">Values were asked for.</param>
    /// <param name="isLast">The scan stops at this record.</param>
    public static DocumentWriter Json(in ScanRecord record, ScanPage page, ReadConsistency requested, bool withValue, bool isLast)
    {
        var document = new DocumentWriter(Schema, ok: true).Bytes("key", record.Key.Span);
        if (withValue) document.Bytes("value", record.Value.Span);
        else document.Text("value", null);
        return document
            .Revision(record.Revision)
            .Moment("expires_at", (long?)record.ExpiresAtMs)
            .Text("requested", requested.Name())
            .Text("achieved", page.Achieved.Name())
            .Optional("staleness_ms", page.StalenessMs)
            .Flag("detached", page.Detached)
            .Text("cursor", isLast ? CursorText(page) : null);
    }

    /// <summary>What `--cursor` takes to go on behind the page; null when nothing is left.</summary>
    public static string? CursorText(ScanPage page) => page.More ? Base64Url.EncodeToString(page.Cursor.Span) : null;

    /// <summary>Reads what <see cref="CursorText"/> wrote; false for anything else.</summary>
    public static bool TryParseCursor(string text, out ReadOnlyMemory<byte> cursor)
    {
        cursor = default;
        if (text.Length == 0 || !Base64Url.IsValid(text)) return false;
        cursor = Base64Url.DecodeFromChars(text);
        return true;
    }

    public static string JsonSchema() => Shape.Document(
        Schema, ok: true, "One record of a scan; a scan prints one document for each, in key order.",
        [
            RecordFields.Key,
            new("value", Shape.Bytes.OrNull(), "the record's value; null with --keys-only"),
            .. RecordFields.RevisionFields("the record"),
            new("expires_at", Shape.Moment.OrNull(), "when the record expires; null: never"),
            new("requested", Shape.OneOf("local", "quorum"), "the consistency asked for"),
            new("achieved", Shape.OneOf("local", "quorum"), "the consistency of the record's page"),
            new("staleness_ms", Shape.Integer.OrNull(), "how old any record of the page may be at most; null: there is no bound"),
            new("detached", Shape.Flag, "a replica that answered for the page was cut off from its primary"),
            new("cursor", Shape.Text.OrNull(), "in the last record, when --limit ended the scan and more may follow: what --cursor takes to go on"),
        ]);
}

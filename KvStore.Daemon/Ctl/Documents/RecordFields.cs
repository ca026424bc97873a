using KvStore.Daemon.Ctl.Output;
using KvStore.Protocol.Messages;

namespace KvStore.Daemon.Ctl.Documents;

/// <summary>Fields that several documents share.</summary>
internal static class RecordFields
{
    public static readonly Field Key = new("key", Shape.Bytes, "the key");

    /// <summary>`revision`, `version` and `timestamp`: null without a record.</summary>
    public static DocumentWriter Revision(this DocumentWriter document, in WireRevision revision)
    {
        if (revision.IsNone) return document.Text("revision", null).Text("version", null).Text("timestamp", null);
        return document.Text("revision", revision.ToString()).Text("version", revision.VersionText).Moment("timestamp", revision.WallMs);
    }

    public static Field[] RevisionFields(string meaning) =>
    [
        new("revision", Shape.Revision.OrNull(), $"version and timestamp of {meaning}"),
        new("version", Shape.Version.OrNull(), "term.index in the partition's log"),
        new("timestamp", Shape.Moment.OrNull(), "when its primary took it in"),
    ];

    /// <summary>A bound or another small number that may be absent.</summary>
    public static DocumentWriter Optional(this DocumentWriter document, string name, ulong? value)
    {
        if (value is { } number) document.Json.WriteNumber(name, number);
        else document.Json.WriteNull(name);
        return document;
    }
}

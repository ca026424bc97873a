using KvStore.Daemon.Ctl.Output;
using KvStore.Protocol.Wire;

namespace KvStore.Daemon.Ctl.Documents;

/// <summary>What `version` prints.</summary>
internal static class VersionDocument
{
    public const string Schema = "kvd.version/1";

    public static DocumentWriter Json() => new DocumentWriter(Schema, ok: true)
        .Text("version", BuildInfo.Version)
        .Number("protocol", ProtocolVersion.Max);

    public static string JsonSchema() => Shape.Document(
        Schema, ok: true, "The version of this build of kvctl.",
        [
            new("version", Shape.Text, "of the product"),
            new("protocol", Shape.Integer, "the newest version of the wire protocol it speaks"),
        ]);

    public static string Text() => $"kvctl {BuildInfo.Version} (protocol {ProtocolVersion.Max})\n";
}

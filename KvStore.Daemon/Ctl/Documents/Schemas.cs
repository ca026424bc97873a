namespace KvStore.Daemon.Ctl.Documents;

/// <summary>The kinds of documents by name.</summary>
internal static class Schemas
{
    private const string Prefix = "kvd.";

    private static readonly (string Name, Func<string> Text)[] s_all =
    [
        (BenchDocument.Schema, BenchDocument.JsonSchema),
        (ErrorDocument.Schema, ErrorDocument.JsonSchema),
        (ExplainDocument.Schema, ExplainDocument.JsonSchema),
        (InitDocument.Schema, InitDocument.JsonSchema),
        (MembersDocument.Schema, MembersDocument.JsonSchema),
        (ReadDocument.Schema, ReadDocument.JsonSchema),
        (RingDocument.Schema, RingDocument.JsonSchema),
        (ScanDocument.Schema, ScanDocument.JsonSchema),
        (StatusDocument.Schema, StatusDocument.JsonSchema),
        (VersionDocument.Schema, VersionDocument.JsonSchema),
        (WriteDocument.Schema, WriteDocument.JsonSchema),
    ];

    public static IEnumerable<string> Names => s_all.Select(s => s.Name);

    /// <summary>The JSON Schema of `kvd.write/1`, `write/1` or `write`; null if there is no such kind.</summary>
    public static string? Find(string name)
    {
        var full = name.StartsWith(Prefix, StringComparison.Ordinal) ? name : Prefix + name;
        return Array.Find(s_all, s => s.Name == full || s.Name == full + "/1").Text?.Invoke();
    }
}

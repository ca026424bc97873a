using System.Text;
using System.Text.Json;
using KvStore.Daemon.Ctl;
using KvStore.Daemon.Ctl.Documents;
using KvStore.Daemon.Ctl.Health;
using KvStore.Daemon.Ctl.Output;
using KvStore.Protocol.Messages;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Daemon.Ctl.Documents;

/// <summary>Every document and every text, from fixed values to fixed bytes.</summary>
public sealed class DocumentTests
{
    private static readonly NodeNames s_names = new(Samples.Topology().Members);

    private static readonly Dictionary<string, Func<DocumentWriter>> s_documents = new()
    {
        ["write-put"] = () => WriteDocument.Json(Samples.Key, WriteKind.Put, Samples.StrongWrite, s_names, 812),
        ["write-delete"] = () => WriteDocument.Json(
            Samples.Key, WriteKind.Delete, Samples.StrongWrite with { Existed = true, Requested = WriteMode.Fast, Achieved = WriteMode.Fast }, s_names, 812),
        ["write-detached"] = () => WriteDocument.Json(
            [0xff, 0x00], WriteKind.Put, Samples.StrongWrite with { Primary = 0, Detached = true, Requested = WriteMode.Fast, Achieved = WriteMode.Fast, AckedBy = default(NodeList).With(9) }, s_names, 5),
        ["read"] = () => ReadDocument.Json(Samples.Key, Samples.LocalRead, ReadConsistency.Local, s_names, 201),
        ["read-expiring"] = () => ReadDocument.Json(
            "\"quoted\" \u00e9\n"u8, Samples.LocalRead with { Value = new byte[] { 0x80 }, ExpiresAtMs = Samples.WallMs + 1000, FromPrimary = true, StalenessMs = null, Achieved = ReadConsistency.Quorum },
            ReadConsistency.Quorum, s_names, 201),
        ["read-absent"] = () => ReadDocument.Json(
            "nope"u8, new ReadResult { Found = false, Achieved = ReadConsistency.Local, ServedBy = 3, Detached = true }, ReadConsistency.Local, s_names, 7),
        ["scan"] = () => ScanDocument.Json(Record, Page(more: true), ReadConsistency.Local, withValue: true, isLast: false),
        ["scan-last"] = () => ScanDocument.Json(Record, Page(more: true) with { Achieved = ReadConsistency.Quorum }, ReadConsistency.Quorum, withValue: false, isLast: true),
        ["scan-end"] = () => ScanDocument.Json(Record, Page(more: false), ReadConsistency.Local, withValue: true, isLast: true),
        ["error"] = () => ErrorDocument.Json(Samples.Key, NoQuorum, "strong", s_names),
        ["error-condition"] = () => ErrorDocument.Json(
            Samples.Key, new CtlError(KvError.ConditionFailed, "the record is another", Outcome.NotApplied) { Current = Samples.Revision }, "strong", s_names),
        ["error-unreachable"] = () => ErrorDocument.Json(null, new CtlError(KvError.Unreachable, "no node answers", Outcome.None), null, s_names),
        ["init"] = () => InitDocument.Json(Init(InitState.Committed)),
        ["members"] = () => MembersDocument.Json(Samples.Topology(third: Liveness.Down)),
        ["ring"] = () => RingDocument.Json(Samples.Topology()),
        ["status-healthy"] = () => StatusDocument.Json(HealthSamples.Healthy),
        ["status-degraded"] = () => StatusDocument.Json(HealthSamples.Degraded),
        ["status-critical"] = () => StatusDocument.Json(HealthSamples.Critical),
        ["explain"] = () => ExplainDocument.Json(Samples.Key, Samples.Explain),
        ["bench"] = () => BenchDocument.Json(Samples.Bench),
        ["version"] = VersionDocument.Json,
    };

    private static readonly Dictionary<string, Func<string>> s_texts = new()
    {
        ["write-put"] = () => WriteDocument.Text(Samples.Key, WriteKind.Put, Samples.StrongWrite, s_names, namesKey: false),
        ["write-delete"] = () => WriteDocument.Text(Samples.Key, WriteKind.Delete, Samples.StrongWrite with { Existed = true }, s_names, namesKey: true)
            + WriteDocument.Text([0xff, 0x0a], WriteKind.Delete, Samples.StrongWrite with { Detached = true, Achieved = WriteMode.Fast }, NodeNames.Numbers, namesKey: true),
        ["error"] = () => ErrorDocument.Text(Samples.Key, NoQuorum, s_names),
        ["error-condition"] = () => ErrorDocument.Text(
            Samples.Key, new CtlError(KvError.ConditionFailed, "there is another", Outcome.NotApplied) { Current = WireRevision.None }, s_names),
        ["init"] = () => InitDocument.Text(Init(InitState.Committed)),
        ["members"] = () => MembersDocument.Text(Samples.Topology(third: Liveness.Down)),
        ["ring"] = () => RingDocument.Text(Samples.Topology()),
        ["status-healthy"] = () => StatusDocument.Text(HealthSamples.Healthy, color: false),
        ["status-degraded"] = () => StatusDocument.Text(HealthSamples.Degraded, color: true),
        ["status-critical"] = () => StatusDocument.Text(HealthSamples.Critical, color: false),
        ["explain"] = () => ExplainDocument.Text(Samples.Key, Samples.Explain),
        ["bench"] = () => BenchDocument.Text(Samples.Bench),
        ["version"] = VersionDocument.Text,
    };

    private static IEnumerable<string> DocumentNames => s_documents.Keys;

    private static IEnumerable<string> TextNames => s_texts.Keys;

    private static CtlError NoQuorum => new(KvError.NoQuorum, "1 of 3 replicas answered, 2 needed", Outcome.NotApplied)
    {
        Retryable = true,
        Missing = [new MissingNode(2, "down"), new MissingNode(3, "down")],
        Advice = "see 'kvctl cluster status'",
    };

    private static ScanRecord Record => new("a/1"u8.ToArray(), "one"u8.ToArray(), Samples.Revision, (ulong)Samples.WallMs);

    [TestCaseSource(nameof(DocumentNames))]
    public void Documents_are_as_pinned(string name) => GoldenFile.Check(name + ".json", Print(s_documents[name]()));

    [TestCaseSource(nameof(TextNames))]
    public void Texts_are_as_pinned(string name) => GoldenFile.Check(name + ".txt", s_texts[name]());

    [TestCaseSource(nameof(DocumentNames))]
    public void Documents_fit_the_schema_they_name(string name)
    {
        var document = JsonDocument.Parse(Print(s_documents[name]())).RootElement;
        var schemaName = document.GetProperty("schema").GetString()!;
        var schema = JsonDocument.Parse(Schemas.Find(schemaName)!).RootElement;
        JsonSchemaCheck.Errors(schema, document).ShouldBeEmpty();
        schema.GetProperty("$id").GetString().ShouldBe(schemaName);
    }

    [Test]
    public void Every_schema_has_a_pinned_document()
    {
        var pinned = GoldenFile.Documents().Select(path => JsonDocument.Parse(File.ReadAllText(path)).RootElement.GetProperty("schema").GetString()!);
        pinned.Distinct().Order(StringComparer.Ordinal).ShouldBe(Schemas.Names.Order(StringComparer.Ordinal));
    }

    [Test]
    public void A_document_that_lacks_a_field_or_has_a_wrong_one_does_not_fit()
    {
        var schema = JsonDocument.Parse(Schemas.Find("read")!).RootElement;
        var good = Print(s_documents["read"]());
        foreach (var bad in (string[])[good.Replace("\"found\":true,", ""), good.Replace("\"found\":true", "\"found\":1"),
            good.Replace("\"role\":\"replica\"", "\"role\":\"other\""), good.Replace("{\"utf8\":\"v\"}", "{\"utf16\":\"v\"}"),
            good.Replace(".123Z", "Z"), good.Replace("\"found\"", "\"extra\":1,\"found\"")])
        {
            bad.ShouldNotBe(good);
            JsonSchemaCheck.Errors(schema, JsonDocument.Parse(bad).RootElement).ShouldNotBeEmpty(bad);
        }
    }

    [Test]
    public void A_cursor_survives_its_text_form()
    {
        ScanDocument.TryParseCursor(ScanDocument.CursorText(Page(more: true))!, out var cursor).ShouldBeTrue();
        cursor.ToArray().ShouldBe(new byte[] { 0xfb, 0xff, 0x01 });
        ScanDocument.TryParseCursor("not a cursor", out _).ShouldBeFalse();
        ScanDocument.CursorText(Page(more: false)).ShouldBeNull();
    }

    private static ScanPage Page(bool more) => new()
    {
        Records = [Record],
        More = more,
        Cursor = more ? new byte[] { 0xfb, 0xff, 0x01 } : default,
        StalenessMs = more ? 12 : null,
    };

    private static InitReply Init(InitState state) => new()
    {
        State = state,
        ClusterId = Samples.ClusterId,
        Partitions = 256,
        Members = [new InitMember(1, "n1", "127.0.0.1:7400"), new InitMember(2, "n2", "127.0.0.1:7410"), new InitMember(3, "n3", "127.0.0.1:7420")],
    };

    private static string Print(DocumentWriter document)
    {
        using (document) return Encoding.UTF8.GetString(document.Finish().Span);
    }
}

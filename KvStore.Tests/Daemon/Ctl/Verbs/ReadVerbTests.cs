using KvStore.Daemon.Ctl;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using KvStore.Tests.Daemon.Ctl.Documents;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Daemon.Ctl.Verbs;

/// <summary>get, scan and explain against a node that answers as told.</summary>
public sealed class ReadVerbTests
{
    [Test]
    public async Task A_get_prints_the_value_alone()
    {
        await using var node = await FilledAsync("a", "b");
        (await CtlRun.AtAsync(node, "get", "a")).ShouldSatisfyAllConditions(
            run => run.Code.ShouldBe(ExitCode.Done), run => run.Out.ShouldBe("value of a\n"), run => run.Error.ShouldBeEmpty());
        (await CtlRun.AtAsync(node, "get", "a", "b", "--raw")).Out.ShouldBe("value of avalue of b");
    }

    [Test]
    public async Task A_key_over_the_limit_fails_alone()
    {
        await using var node = await FilledAsync("a", "b");
        var run = await CtlRun.AtAsync(node, "get", "a", new string('k', Limits.KeyBytes + 1), "b", "--json");
        run.Code.ShouldBe(ExitCode.Partial);
        run.Documents.Select(d => d.GetProperty("schema").GetString()).ShouldBe(["kvd.read/1", "kvd.error/1", "kvd.read/1"]);
        run.Documents[1].GetProperty("error").GetString().ShouldBe("too_large");
    }

    [Test]
    public async Task A_refused_get_names_the_missing_nodes()
    {
        var error = new ErrorReply { Code = KvError.NoQuorum, Message = "1 of 3", Missing = [new MissingNode(2, "down")] };
        var sample = Samples.Topology();
        var topology = sample with { Members = [.. sample.Members.Select(m => m with { Name = $"host{m.Node}" })] };
        await using var node = new ScriptedNode().Refuse(FrameType.Get, error)
            .On(FrameType.Topology, _ => ScriptedReply.Of(FrameType.TopologyReply, topology.Encode));
        var run = await CtlRun.AtAsync(node, "get", "k", "--quorum", "--json");
        run.Code.ShouldBe(ExitCode.Refused);
        run.Document.GetProperty("missing")[0].GetProperty("node").GetString().ShouldBe("host2");
    }

    [Test]
    public async Task An_address_is_named_as_it_was_given()
    {
        var run = await CtlRun.OfAsync("get", "k", "--endpoints", "localhost:1");
        run.Code.ShouldBe(ExitCode.Unreachable);
        run.Error.ShouldStartWith("kvctl: k: unreachable: localhost:1: ");
    }

    [Test]
    public async Task An_absent_key_ends_with_3()
    {
        await using var node = new ScriptedNode();
        var run = await CtlRun.AtAsync(node, "get", "nope");
        run.Code.ShouldBe(ExitCode.NotFound);
        run.Out.ShouldBeEmpty();
        run.Error.ShouldBe("kvctl: nope: not found\n");
        var json = await CtlRun.AtAsync(node, "get", "nope", "--json");
        json.Code.ShouldBe(ExitCode.NotFound);
        json.Document.GetProperty("ok").GetBoolean().ShouldBeTrue();
        json.Document.GetProperty("found").GetBoolean().ShouldBeFalse();
    }

    [Test]
    public async Task Keys_that_differ_give_10_and_all_absent_3()
    {
        await using var node = await FilledAsync("a");
        (await CtlRun.AtAsync(node, "get", "a", "nope", "--json")).ShouldSatisfyAllConditions(
            run => run.Code.ShouldBe(ExitCode.Partial), run => run.Documents.Length.ShouldBe(2));
        (await CtlRun.AtAsync(node, "get", "nope", "nope2")).Code.ShouldBe(ExitCode.NotFound);
    }

    [TestCase("", ReadConsistency.Local)]
    [TestCase("--quorum", ReadConsistency.Quorum)]
    [TestCase("--consistency=strong", ReadConsistency.Quorum)]
    [TestCase("--consistency=strong --local", ReadConsistency.Local)]
    public async Task The_consistency_reaches_the_node(string options, ReadConsistency consistency)
    {
        await using var node = await FilledAsync("a");
        var run = await CtlRun.AtAsync(node, ["get", "a", "--json", .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        run.Document.GetProperty("achieved").GetString().ShouldBe(consistency.Name());
        GetRequestView.Decode(node.Only(FrameType.Get)).Consistency.ShouldBe(consistency);
    }

    [Test]
    public async Task At_least_reaches_the_node()
    {
        await using var node = await FilledAsync("a");
        await CtlRun.AtAsync(node, "get", "a", "--at-least", "7.318@1795360000123.2.n1");
        GetRequestView.Decode(node.Only(FrameType.Get)).First.AtLeast.ShouldBe(Documents.Samples.Revision);
    }

    [Test]
    public async Task A_refused_read_ends_with_5_and_has_no_outcome()
    {
        await using var node = new ScriptedNode().Refuse(FrameType.Get, new ErrorReply { Code = KvError.NoQuorum, Message = "cut off" });
        var run = await CtlRun.AtAsync(node, "get", "a", "--quorum", "--json");
        run.Code.ShouldBe(ExitCode.Refused);
        run.Document.GetProperty("outcome").ValueKind.ShouldBe(System.Text.Json.JsonValueKind.Null);
        run.Document.GetProperty("requested").GetString().ShouldBe("quorum");
    }

    [Test]
    public async Task One_key_of_several_may_fail_alone()
    {
        await using var node = new ScriptedNode();
        ReadResult[] answers = [Documents.Samples.LocalRead, new ReadResult { Found = false, Error = KvError.Unavailable, Value = "all down"u8.ToArray() }];
        node.On(FrameType.Get, _ => ScriptedReply.Of(FrameType.GetReply, output => GetReply.Encode(output, answers)));
        var run = await CtlRun.AtAsync(node, "get", "a", "b", "--json");
        run.Code.ShouldBe(ExitCode.Partial);
        run.Documents[1].GetProperty("message").GetString().ShouldBe("all down");
        run.Documents[1].GetProperty("retryable").GetBoolean().ShouldBeTrue();
    }

    [Test]
    public async Task A_scan_prints_all_records_in_order()
    {
        await using var node = await FilledAsync("b", "a/2", "a/1");
        (await CtlRun.AtAsync(node, "scan")).Out.ShouldBe("a/1\tvalue of a/1\na/2\tvalue of a/2\nb\tvalue of b\n");
        (await CtlRun.AtAsync(node, "scan", "a/", "--keys-only")).Out.ShouldBe("a/1\na/2\n");
        (await CtlRun.AtAsync(node, "scan", "nope")).ShouldSatisfyAllConditions(
            run => run.Code.ShouldBe(ExitCode.Done), run => run.Out.ShouldBeEmpty());
    }

    [Test]
    public async Task A_scan_follows_pages_to_the_end()
    {
        await using var node = await FilledAsync("a", "b", "c", "d", "e");
        var asked = 0;
        node.On(FrameType.Scan, body =>
        {
            var from = Interlocked.Increment(ref asked) - 1;
            ScanRequest.Decode(body).Cursor.Length.ShouldBe(from == 0 ? 0 : 1);
            ScanRecord[] records = from < 3 ? [new ScanRecord(new[] { (byte)('a' + from) }, default, Documents.Samples.Revision, null)] : [];
            var page = new ScanPage { Records = records, More = from < 3, Cursor = from < 3 ? new byte[] { 1 } : default };
            return ScriptedReply.Of(FrameType.ScanReply, output => ScanReply.Encode(output, page));
        });
        (await CtlRun.AtAsync(node, "scan", "--keys-only")).Out.ShouldBe("a\nb\nc\n");
        asked.ShouldBe(4);
    }

    [Test]
    public async Task A_limit_ends_with_a_cursor_that_goes_on()
    {
        await using var node = await FilledAsync("a", "b", "c");
        var first = await CtlRun.AtAsync(node, "scan", "--limit", "2", "--json");
        first.Documents.Select(d => d.GetProperty("key").GetProperty("utf8").GetString()).ShouldBe(["a", "b"]);
        first.Documents[0].GetProperty("cursor").GetString().ShouldBeNull();
        var cursor = first.Documents[1].GetProperty("cursor").GetString()!;
        var rest = await CtlRun.AtAsync(node, "scan", "--limit", "2", "--json", "--cursor", cursor);
        rest.Document.GetProperty("key").GetProperty("utf8").GetString().ShouldBe("c");
        rest.Document.GetProperty("cursor").GetString().ShouldBeNull();
        (await CtlRun.AtAsync(node, "scan", "--limit", "2")).Error.ShouldBe($"more may follow: --cursor {cursor}\n");
    }

    [Test]
    public async Task Explain_prints_text_or_a_document()
    {
        await using var node = new ScriptedNode();
        (await CtlRun.AtAsync(node, "explain", "user/42")).Out.ShouldStartWith("user/42: partition 17 of 256");
        (await CtlRun.AtAsync(node, "explain", "user/42", "--json")).Document.GetProperty("schema").GetString().ShouldBe("kvd.explain/1");
        ExplainRequest.Decode(node.Received.First(r => r.Type == FrameType.Explain).Body).Key.ToArray().ShouldBe("user/42"u8.ToArray());
    }

    private static async Task<ScriptedNode> FilledAsync(params string[] keys)
    {
        var node = new ScriptedNode();
        foreach (var key in keys) (await CtlRun.AtAsync(node, "put", key, $"value of {key}")).Code.ShouldBe(ExitCode.Done);
        return node;
    }
}

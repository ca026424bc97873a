using KvStore.Daemon.Ctl;
using KvStore.Daemon.Ctl.Arguments;
using KvStore.Daemon.Ctl.Output;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using KvStore.Tests.Daemon.Ctl.Output;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Daemon.Ctl.Verbs;

/// <summary>put and delete against a node that answers as told.</summary>
public sealed class WriteVerbTests
{
    private static readonly ErrorReply s_noQuorum = new()
    {
        Code = KvError.NoQuorum,
        Message = "1 of 3 replicas answered, 2 needed",
        Outcome = Outcome.NotApplied,
        Missing = [new MissingNode(2, "down"), new MissingNode(3, "down")],
    };

    [Test]
    public async Task A_put_prints_what_was_achieved()
    {
        await using var node = new ScriptedNode();
        var run = await CtlRun.AtAsync(node, "put", "user/42", "v", "--strong", "--json");
        run.Code.ShouldBe(ExitCode.Done, run.Error);
        run.Error.ShouldBeEmpty();
        run.Document.GetProperty("schema").GetString().ShouldBe("kvd.write/1");
        run.Document.GetProperty("achieved").GetString().ShouldBe("strong");
        run.Document.GetProperty("acked_by").EnumerateArray().Select(n => n.GetString()).ShouldBe(["n1", "n2"]);
        run.Document.TryGetProperty("existed", out _).ShouldBeFalse();
        (await CtlRun.AtAsync(node, "put", "k", "v")).Out.ShouldBe("applied (fast, on n1 n2) revision 7.2@1795360000123.2.n1\n");
    }

    [Test]
    public async Task Keys_and_values_are_bytes()
    {
        await using var node = new ScriptedNode();
        var key = RawArguments.Decode([(byte)'a', 0xff]);
        (await CtlRun.AtAsync(node, "put", key, RawArguments.Decode([0xfe]), "--json")).Document.GetProperty("key").GetProperty("base64").GetString().ShouldBe("Yf8=");
        (await CtlRun.AtAsync(node, "get", key, "--raw")).OutBytes.ShouldBe(new byte[] { 0xfe });
        (await CtlRun.AtAsync(node, "get", "--key-base64", "Yf8=", "--raw")).OutBytes.ShouldBe(new byte[] { 0xfe });
    }

    [Test]
    public async Task A_value_comes_from_standard_input()
    {
        await using var node = new ScriptedNode();
        var run = await CtlRun.OfAsync(["put", "k", "-", "--endpoints", node.Address], [], input: [0, 10, 255]);
        run.Code.ShouldBe(ExitCode.Done, run.Error);
        (await CtlRun.AtAsync(node, "get", "k", "--raw")).OutBytes.ShouldBe(new byte[] { 0, 10, 255 });
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_refusal_outweighs_an_output_that_nobody_reads(bool buffered)
    {
        await using var node = new ScriptedNode().Refuse(FrameType.Write, s_noQuorum);
        (await LostAsync(node, new OutputClosedException(), buffered, "put", "k", "v", "--json")).ShouldBe(ExitCode.Refused);
        (await LostAsync(node, new IOException("full"), buffered: true, "put", "k", "v", "--json")).ShouldBe(ExitCode.Refused);
    }

    [Test]
    public async Task All_deletes_are_made_though_nobody_reads_how_they_ended()
    {
        await using var node = new ScriptedNode();
        string[] keys = [.. Enumerable.Range(0, 300).Select(i => $"k{i}")];
        (await LostAsync(node, new OutputClosedException(), buffered: false, ["delete", .. keys])).ShouldBe(ExitCode.Done);
        node.Received.Count(r => r.Type == FrameType.Write).ShouldBe(keys.Length);
    }

    [Test]
    public async Task Two_dashes_let_keys_look_like_options()
    {
        await using var node = new ScriptedNode();
        (await CtlRun.AtAsync(node, "put", "--", "--json", "-v")).Code.ShouldBe(ExitCode.Done);
        (await CtlRun.AtAsync(node, "get", "--raw", "--", "--json")).Out.ShouldBe("-v");
    }

    [Test]
    public async Task Keys_and_values_behind_a_flag_may_be_true_and_false()
    {
        await using var node = new ScriptedNode();
        (await CtlRun.AtAsync(node, "put", "--strong", "true", "--json", "false")).Document.GetProperty("requested").GetString().ShouldBe("strong");
        (await CtlRun.AtAsync(node, "get", "--quorum", "true")).Out.ShouldBe("false\n");
        (await CtlRun.AtAsync(node, "delete", "k", "--strong", "true", "--json")).Documents.Select(d => d.GetProperty("key").GetProperty("utf8").GetString()).ShouldBe(["k", "true"]);
        (await CtlRun.AtAsync(node, "get", "k", "--json=true")).Document.GetProperty("found").GetBoolean().ShouldBeFalse();
    }

    [Test]
    public async Task Options_reach_the_node()
    {
        await using var node = new ScriptedNode();
        await CtlRun.AtAsync(node, "put", "k", "v", "--ttl", "2m");
        var request = WriteRequestView.Decode(node.Only(FrameType.Write));
        request.Mode.ShouldBe(WriteMode.Fast);
        request.First.TtlMs.ShouldBe(120_000UL);
        request.First.Condition.ShouldBe(WriteCondition.None);
    }

    [TestCase("--if-absent", ConditionKind.IfAbsent)]
    [TestCase("--if-version=7.318", ConditionKind.IfVersion)]
    [TestCase("--if-version=7.318@1795360000123.2.n1", ConditionKind.IfRevision)]
    public async Task A_condition_asks_for_a_strong_write(string option, ConditionKind kind)
    {
        await using var node = new ScriptedNode();
        await CtlRun.AtAsync(node, "put", "k", "v", option);
        var request = WriteRequestView.Decode(node.Only(FrameType.Write));
        request.Mode.ShouldBe(WriteMode.Strong);
        request.First.Condition.Kind.ShouldBe(kind);
    }

    [TestCase("strong", "", WriteMode.Strong)]
    [TestCase("strong", "--fast", WriteMode.Fast)]
    [TestCase("fast", "--strong", WriteMode.Strong)]
    [TestCase("fast", "--consistency=strong", WriteMode.Strong)]
    public async Task The_mode_is_the_option_s_else_the_variable_s(string variable, string option, WriteMode mode)
    {
        await using var node = new ScriptedNode();
        string[] words = ["put", "k", "v", .. option.Split(' ', StringSplitOptions.RemoveEmptyEntries)];
        await CtlRun.OfAsync(words, new() { ["KVCTL_CONSISTENCY"] = variable, ["KVCTL_ENDPOINTS"] = node.Address });
        WriteRequestView.Decode(node.Only(FrameType.Write)).Mode.ShouldBe(mode);
    }

    [Test]
    public async Task Deletes_tell_of_each_key_whether_it_was_there()
    {
        await using var node = new ScriptedNode();
        await CtlRun.AtAsync(node, "put", "a", "v");
        var run = await CtlRun.AtAsync(node, "delete", "a", "b", "--json");
        run.Code.ShouldBe(ExitCode.Done);
        run.Documents.Select(d => (d.GetProperty("key").GetProperty("utf8").GetString(), d.GetProperty("existed").GetBoolean()))
            .ShouldBe([("a", true), ("b", false)]);
    }

    [Test]
    public async Task A_refusal_ends_with_5_and_tells_the_outcome()
    {
        await using var node = new ScriptedNode().Refuse(FrameType.Write, s_noQuorum);
        var run = await CtlRun.AtAsync(node, "put", "k", "v", "--strong", "--json");
        run.Code.ShouldBe(ExitCode.Refused);
        run.Document.GetProperty("error").GetString().ShouldBe("no_quorum");
        run.Document.GetProperty("outcome").GetString().ShouldBe("not_applied");
        run.Document.GetProperty("missing").GetArrayLength().ShouldBe(2);
        var text = await CtlRun.AtAsync(node, "put", "k", "v", "--strong");
        text.Out.ShouldBeEmpty();
        text.Error.ShouldStartWith("kvctl: k: no_quorum: 1 of 3 replicas answered, 2 needed (outcome: not_applied)\n  missing: n2 (down), n3 (down)\n");
    }

    [Test]
    public async Task A_connection_that_breaks_after_sending_ends_with_6()
    {
        await using var node = new ScriptedNode().On(FrameType.Write, _ => ScriptedReply.Close);
        var run = await CtlRun.AtAsync(node, "put", "k", "v", "--json");
        run.Code.ShouldBe(ExitCode.OutcomeUnknown);
        run.Document.GetProperty("outcome").GetString().ShouldBe("unknown");
    }

    [Test]
    public async Task No_answer_in_time_ends_with_6()
    {
        await using var node = new ScriptedNode().On(FrameType.Write, _ => ScriptedReply.Silence);
        var run = await CtlRun.OfAsync("put", "k", "v", "--json", "--endpoints", node.Address, "--timeout", "200ms");
        run.Code.ShouldBe(ExitCode.OutcomeUnknown, run.Out + run.Error);
        run.Document.GetProperty("error").GetString().ShouldBe("deadline_exceeded");
    }

    [Test]
    public async Task A_failed_condition_ends_with_4_and_shows_the_record()
    {
        var failed = new ErrorReply { Code = KvError.ConditionFailed, Message = "there is another", Outcome = Outcome.NotApplied, CurrentRevision = new WireRevision(7, 1, 5 << 16, 1) };
        await using var node = new ScriptedNode().Refuse(FrameType.Write, failed);
        var run = await CtlRun.AtAsync(node, "put", "k", "v", "--if-absent", "--json");
        run.Code.ShouldBe(ExitCode.ConditionFailed);
        run.Document.GetProperty("current_revision").GetString().ShouldBe("7.1@5.0.n1");
    }

    [Test]
    public async Task Keys_with_different_ends_give_10()
    {
        await using var node = new ScriptedNode();
        node.On(FrameType.Write, body => WriteRequestView.Decode(body).First.Key[0] == 'b'
            ? ScriptedReply.Of(FrameType.Error, s_noQuorum.Encode)
            : ScriptedReply.Of(FrameType.WriteReply, output => WriteReply.Encode(output, Documents.Samples.StrongWrite)));
        var run = await CtlRun.AtAsync(node, "delete", "a", "b", "--json");
        run.Code.ShouldBe(ExitCode.Partial);
        run.Documents.Select(d => d.GetProperty("ok").GetBoolean()).ShouldBe([true, false]);
    }

    [Test]
    public async Task No_node_ends_with_8_and_the_write_is_not_applied()
    {
        string address;
        await using (var node = new ScriptedNode()) address = node.Address;
        var run = await CtlRun.OfAsync("put", "k", "v", "--json", "--endpoints", address);
        run.Code.ShouldBe(ExitCode.Unreachable);
        run.Document.GetProperty("error").GetString().ShouldBe("unreachable");
        run.Document.GetProperty("retryable").GetBoolean().ShouldBeTrue();
        run.Document.GetProperty("outcome").GetString().ShouldBe("not_applied");
    }

    [Test]
    public async Task An_interrupt_tells_the_outcome_of_the_write_in_flight()
    {
        using var interrupt = new CancellationTokenSource();
        await using var node = new ScriptedNode();
        node.On(FrameType.Write, _ =>
        {
            interrupt.Cancel();
            return ScriptedReply.Silence;
        });
        var run = await CtlRun.OfAsync(["put", "k", "v", "--json", "--endpoints", node.Address, "--timeout", "30s"], [], interrupted: interrupt.Token);
        run.Code.ShouldBe(ExitCode.Interrupted);
        run.Document.GetProperty("error").GetString().ShouldBe("cancelled");
        run.Document.GetProperty("outcome").GetString().ShouldBe("unknown");
    }

    [Test]
    public async Task A_key_that_is_too_long_ends_with_5()
    {
        await using var node = new ScriptedNode();
        var run = await CtlRun.AtAsync(node, "put", new string('k', 4097), "v", "--json");
        run.Code.ShouldBe(ExitCode.Refused);
        run.Document.GetProperty("error").GetString().ShouldBe("too_large");
    }

    [Test]
    public async Task Nodes_go_by_their_numbers_when_the_topology_does_not_come()
    {
        await using var node = new ScriptedNode().On(FrameType.Topology, _ => ScriptedReply.Silence);
        var run = await CtlRun.AtAsync(node, "put", "k", "v");
        run.Out.ShouldStartWith("applied (fast, on n1 n2)");
    }

    private static async Task<int> LostAsync(ScriptedNode node, Exception failure, bool buffered, params string[] words)
    {
        using var output = new LostStream(failure, buffered);
        var streams = new CtlStreams { Out = output, Error = TextWriter.Null, OpenInput = () => Stream.Null, Environment = _ => null };
        return await CtlMain.RunAsync(["--endpoints", node.Address, .. words], streams, CancellationToken.None);
    }
}

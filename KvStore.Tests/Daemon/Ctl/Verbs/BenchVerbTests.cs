using KvStore.Daemon.Ctl;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using KvStore.Tests.Daemon.Ctl.Documents;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Daemon.Ctl.Verbs;

public sealed class BenchVerbTests
{
    [Test]
    public async Task A_mix_with_gets_stores_all_keys_first_and_then_does_as_many_operations_as_asked()
    {
        await using var node = Whole();
        var run = await BenchAsync(node, "--ops", "500", "--keys", "50", "--clients", "4", "--depth", "2", "--mix", "get=1,put=1", "--value-size", "10");
        run.Code.ShouldBe(ExitCode.Done, run.Error);
        run.Error.ShouldContain("storing 50 keys of 10 bytes first");
        run.Document.GetProperty("ops").GetString().ShouldBe("500");
        run.Document.GetProperty("errors").GetPropertyCount().ShouldBe(0);
        var latency = run.Document.GetProperty("latency_us");
        latency.GetProperty("p50").GetDouble().ShouldBeGreaterThan(0);
        latency.GetProperty("max").GetDouble().ShouldBeGreaterThanOrEqualTo(latency.GetProperty("p999").GetDouble());
        var writes = node.Received.Where(r => r.Type == FrameType.Write).Select(r => WriteRequestView.Decode(r.Body).First.Value.Length).ToArray();
        writes.ShouldAllBe(length => length == 10);
        (writes.Length - 50 + node.Received.Count(r => r.Type == FrameType.Get)).ShouldBe(500);
        node.Received.Count(r => r.Type == FrameType.Get).ShouldBeInRange(150, 350);
    }

    [Test]
    public async Task Puts_alone_need_no_filling_and_are_as_strong_as_asked()
    {
        await using var node = Whole();
        var run = await BenchAsync(node, "--ops", "20", "--keys", "5", "--mix", "put=1", "--strong", "--zipf", "0.99");
        run.Error.ShouldBeEmpty();
        var modes = node.Received.Where(r => r.Type == FrameType.Write).Select(r => WriteRequestView.Decode(r.Body).Mode).ToArray();
        modes.Length.ShouldBe(20);
        modes.ShouldAllBe(mode => mode == WriteMode.Strong);
    }

    [Test]
    public async Task A_duration_ends_it()
    {
        await using var node = Whole();
        var run = await BenchAsync(node, "--duration", "300ms", "--keys", "5", "--no-fill", "--quorum");
        run.Code.ShouldBe(ExitCode.Done, run.Error);
        run.Document.GetProperty("seconds").GetDouble().ShouldBeGreaterThanOrEqualTo(0.3);
        GetRequestView.Decode(node.Received.First(r => r.Type == FrameType.Get).Body).Consistency.ShouldBe(ReadConsistency.Quorum);
    }

    [Test]
    public async Task Failures_are_counted_by_name()
    {
        await using var node = Whole();
        node.Refuse(FrameType.Write, new ErrorReply { Code = KvError.DiskFull, Message = "full", Outcome = Outcome.NotApplied });
        var run = await BenchAsync(node, "--ops", "10", "--keys", "5", "--no-fill", "--mix", "get=1,put=1");
        run.Code.ShouldBe(ExitCode.Partial);
        var failed = int.Parse(run.Document.GetProperty("errors").GetProperty("disk_full").GetString()!);
        (failed + int.Parse(run.Document.GetProperty("ops").GetString()!)).ShouldBe(10);
        (await BenchAsync(node, "--ops", "5", "--keys", "5", "--mix", "put=1")).Code.ShouldBe(ExitCode.Unclassified);
    }

    [Test]
    public async Task A_failed_filling_is_an_error()
    {
        await using var node = Whole();
        node.Refuse(FrameType.Write, new ErrorReply { Code = KvError.DiskFull, Message = "full", Outcome = Outcome.NotApplied });
        var run = await BenchAsync(node, "--ops", "10", "--keys", "5");
        run.Code.ShouldBe(ExitCode.Refused);
        run.Document.GetProperty("error").GetString().ShouldBe("disk_full");
    }

    [Test]
    public async Task An_interrupt_prints_what_there_is()
    {
        using var interrupt = new CancellationTokenSource();
        await using var node = Whole();
        var gets = 0;
        node.On(FrameType.Get, _ =>
        {
            if (Interlocked.Increment(ref gets) == 50) interrupt.Cancel();
            return ScriptedReply.Of(FrameType.GetReply, output => GetReply.Encode(output, [Samples.LocalRead]));
        });
        string[] words = ["bench", "--json", "--no-fill", "--keys", "5", "--mix", "get=1", "--duration", "1h", "--endpoints", node.Address, "--timeout", "30s"];
        var run = await CtlRun.OfAsync(words, [], interrupted: interrupt.Token);
        run.Code.ShouldBe(ExitCode.Interrupted);
        int.Parse(run.Document.GetProperty("ops").GetString()!).ShouldBeGreaterThanOrEqualTo(50);
    }

    private static Task<CtlRun> BenchAsync(ScriptedNode node, params string[] words) => CtlRun.AtAsync(node, ["bench", "--json", .. words]);

    /// <summary>A node that is the whole cluster: the load generator finds every primary and replica there.</summary>
    private static ScriptedNode Whole()
    {
        var node = new ScriptedNode();
        var sample = Samples.Topology();
        var topology = sample with { Members = [.. sample.Members.Select(m => m with { Address = node.Address })] };
        return node.On(FrameType.Topology, _ => ScriptedReply.Of(FrameType.TopologyReply, topology.Encode));
    }
}

using KvStore.Daemon.Ctl;
using KvStore.Daemon.Ctl.Output;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using KvStore.Tests.Daemon.Ctl.Documents;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Daemon.Ctl.Verbs;

/// <summary>cluster init, status, ring and members against nodes that answer as told.</summary>
public sealed class ClusterVerbTests
{
    [Test]
    public async Task Init_asks_the_first_node_with_an_id_of_its_own()
    {
        await using var node = new ScriptedNode();
        node.On(FrameType.Init, body => Committed(InitRequest.Decode(body)));
        var run = await CtlRun.OfAsync("cluster", "init", "--nodes", $"{node.Address},b:2,c:3", "--partitions", "64", "--json");
        run.Code.ShouldBe(ExitCode.Done, run.Error);
        var request = InitRequest.Decode(node.Only(FrameType.Init));
        request.Members.ShouldBe([node.Address, "b:2", "c:3"]);
        request.Partitions.ShouldBe(64u);
        request.ClusterId.ShouldNotBe(UInt128.Zero);
        run.Document.GetProperty("cluster_id").GetString().ShouldBe(request.ClusterId.ToString("x32"));
    }

    [Test]
    public async Task Init_asks_again_while_nodes_are_missing()
    {
        await using var node = new ScriptedNode();
        var ids = new List<UInt128>();
        node.On(FrameType.Init, body =>
        {
            var request = InitRequest.Decode(body);
            ids.Add(request.ClusterId);
            return ids.Count < 3 ? Reply(request, InitState.Pending) : Committed(request);
        });
        (await CtlRun.OfAsync("cluster", "init", "--nodes", $"{node.Address},b:2,c:3")).Code.ShouldBe(ExitCode.Done);
        ids.Count.ShouldBe(3);
        ids.Distinct().Count().ShouldBe(1);
    }

    [Test]
    public async Task Init_that_does_not_end_in_time_says_how_to_resume()
    {
        const string id = "5f0c9e1d2b3a49788695a4b3c2d1e0f1";
        await using var node = new ScriptedNode();
        node.On(FrameType.Init, body => Reply(InitRequest.Decode(body), InitState.Pending));
        var run = await CtlRun.OfAsync("cluster", "init", "--nodes", $"{node.Address},b:2,c:3", "--cluster-id", id, "--timeout", "300ms", "--json");
        run.Code.ShouldBe(ExitCode.OutcomeUnknown);
        run.Document.GetProperty("advice").GetString()!.ShouldContain($"--cluster-id {id}");
    }

    [Test]
    public async Task Init_that_is_refused_changed_nothing()
    {
        await using var node = new ScriptedNode().Refuse(FrameType.Init, new ErrorReply { Code = KvError.AlreadyInitialized, Message = "there is a cluster" });
        var run = await CtlRun.OfAsync("cluster", "init", "--nodes", $"{node.Address},b:2,c:3", "--json");
        run.Code.ShouldBe(ExitCode.Refused);
        run.Document.GetProperty("outcome").GetString().ShouldBe("not_applied");
    }

    [Test]
    public async Task Status_of_three_answering_nodes_is_healthy()
    {
        await using var cluster = new ThreeNodes();
        var run = await CtlRun.AtAsync(cluster.Nodes[1], "cluster", "status", "--json");
        run.Code.ShouldBe(ExitCode.Done, run.Out);
        run.Document.GetProperty("health").GetString().ShouldBe("healthy");
        run.Document.GetProperty("nodes").GetArrayLength().ShouldBe(3);
        (await CtlRun.AtAsync(cluster.Nodes[0], "cluster", "status")).Out.ShouldStartWith("healthy: all 3 nodes are up");
    }

    [Test]
    public async Task Status_lists_a_silent_node_and_ends_with_10()
    {
        await using var cluster = new ThreeNodes();
        cluster.Nodes[2].On(FrameType.Status, _ => ScriptedReply.Silence);
        var run = await CtlRun.OfAsync("cluster", "status", "--json", "--endpoints", cluster.Nodes[0].Address, "--timeout", "500ms");
        run.Code.ShouldBe(ExitCode.Partial, run.Out);
        run.Document.GetProperty("nodes").EnumerateArray().Select(n => n.GetProperty("reachable").GetBoolean()).ShouldBe([true, true, false]);
    }

    [Test]
    public async Task Watching_goes_on_until_interrupted()
    {
        await using var cluster = new ThreeNodes();
        using var interrupt = new CancellationTokenSource();
        var asked = 0;
        cluster.Nodes[0].On(FrameType.Topology, _ =>
        {
            if (Interlocked.Increment(ref asked) == 3) interrupt.Cancel();
            return ScriptedReply.Of(FrameType.TopologyReply, cluster.Topology.Encode);
        });
        var run = await CtlRun.OfAsync(["cluster", "status", "--watch", "--json", "--endpoints", cluster.Nodes[0].Address], [], interrupted: interrupt.Token);
        run.Code.ShouldBe(ExitCode.Interrupted);
        run.Documents.Count(d => d.GetProperty("schema").GetString() == "kvd.status/1").ShouldBeGreaterThanOrEqualTo(2);
    }

    [Test]
    public async Task Ring_and_members_show_the_topology()
    {
        await using var node = new ScriptedNode();
        (await CtlRun.AtAsync(node, "cluster", "ring")).Out.ShouldBe(KvStore.Daemon.Ctl.Documents.RingDocument.Text(Samples.Topology()));
        (await CtlRun.AtAsync(node, "cluster", "members")).Out.ShouldBe(KvStore.Daemon.Ctl.Documents.MembersDocument.Text(Samples.Topology()));
        (await CtlRun.AtAsync(node, "cluster", "ring", "--json")).Document.GetProperty("ring").GetArrayLength().ShouldBe(16);
        (await CtlRun.AtAsync(node, "cluster", "members", "--json")).Document.GetProperty("nodes").GetArrayLength().ShouldBe(3);
    }

    [TestCase("cluster status")]
    [TestCase("cluster ring")]
    [TestCase("cluster members")]
    [TestCase("explain k")]
    public async Task Before_init_all_is_refused_with_the_advice_to_form_the_cluster(string command)
    {
        var refusal = new ErrorReply { Code = KvError.NotInitialized, Message = "no cluster yet" };
        await using var node = new ScriptedNode().Refuse(FrameType.Topology, refusal).Refuse(FrameType.Explain, refusal);
        var run = await CtlRun.AtAsync(node, [.. command.Split(' '), "--json"]);
        run.Code.ShouldBe(ExitCode.Refused);
        run.Document.GetProperty("error").GetString().ShouldBe("not_initialized");
        run.Document.GetProperty("advice").GetString()!.ShouldContain("cluster init");
    }

    private static ScriptedReply Committed(InitRequest request) => Reply(request, InitState.Committed);

    private static ScriptedReply Reply(InitRequest request, InitState state) => ScriptedReply.Of(FrameType.InitReply, new InitReply
    {
        State = state,
        ClusterId = request.ClusterId,
        Partitions = request.Partitions,
        Members = [.. request.Members.Select((address, i) => new InitMember((ushort)(i + 1), $"n{i + 1}", address))],
    }.Encode);

    [Test]
    public async Task Watching_shows_at_once_that_nothing_answers()
    {
        using var interrupted = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var output = new WatchedStream(interrupted.Cancel);
        var streams = new CtlStreams { Out = output, Error = TextWriter.Null, OpenInput = () => Stream.Null, Environment = _ => null };
        (await CtlMain.RunAsync(["cluster", "status", "--watch", "--json", "--endpoints", "127.0.0.1:1"], streams, interrupted.Token)).ShouldBe(ExitCode.Interrupted);
        output.Flushed.ShouldBeGreaterThan(0);
    }

    /// <summary>Three nodes that know each other's addresses.</summary>
    private sealed class ThreeNodes : IAsyncDisposable
    {
        public ThreeNodes()
        {
            var sample = Samples.Topology();
            Topology = sample with { Members = [.. sample.Members.Select((m, i) => m with { Address = Nodes[i].Address })] };
            for (var i = 0; i < Nodes.Length; i++)
            {
                var status = Samples.Answering(Topology, (ushort)(i + 1)).Status!;
                Nodes[i].On(FrameType.Topology, _ => ScriptedReply.Of(FrameType.TopologyReply, Topology.Encode));
                Nodes[i].On(FrameType.Status, _ => ScriptedReply.Of(FrameType.StatusReply, status.Encode));
            }
        }

        public ScriptedNode[] Nodes { get; } = [new(), new(), new()];

        public TopologyReply Topology { get; }

        public async ValueTask DisposeAsync()
        {
            foreach (var node in Nodes) await node.DisposeAsync();
        }
    }

    /// <summary>What a reader would see.</summary>
    private sealed class WatchedStream(Action flushed) : MemoryStream
    {
        public long Flushed { get; private set; }

        public override void Flush()
        {
            Flushed = Length;
            flushed();
        }
    }
}

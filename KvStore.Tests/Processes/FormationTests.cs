using System.Buffers;
using KvStore.Core.Node;
using KvStore.Protocol.Wire;
using KvStore.Tests.Daemon.Ctl;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Processes;

/// <summary>Forming a cluster when not all nodes are there: promises bind until the same list finishes or gives them up.</summary>
[TestFixture]
public sealed class FormationTests
{
    [Test]
    public void A_formation_cut_short_is_resumed_or_given_up_with_the_same_nodes()
    {
        var directory = Directory.CreateTempSubdirectory("kvd-test-").FullName;
        var nodes = new[] { "n1", "n2", "n3", "n4" }.Select(name => new KvdProcess(name, directory, new Dictionary<string, string>())).ToList();
        try
        {
            foreach (var node in nodes[..3]) node.Start();
            var withFourth = string.Join(',', nodes.Where(n => n.Name != "n3").Select(n => n.Endpoint));
            var firstThree = string.Join(',', nodes[..3].Select(n => n.Endpoint));

            // n4 is not there: n1 and n2 have promised themselves and stay bound.
            var cut = KvdCluster.Within(20, () => Init(withFourth), r => r.Error.Contains(nodes[3].Endpoint, StringComparison.Ordinal));
            cut.ExitCode.ShouldNotBe(0);
            var refused = Init(firstThree);
            refused.ExitCode.ShouldNotBe(0);
            refused.Error.ShouldContain("--abort");

            // Who cannot be reached is named; the others are free.
            var aborted = Init(withFourth, "--abort");
            aborted.ExitCode.ShouldNotBe(0);
            aborted.Error.ShouldContain(nodes[3].Endpoint);
            var formed = Init(firstThree);
            formed.ExitCode.ShouldBe(0, formed.Error);
            Init(firstThree, "--abort").ExitCode.ShouldNotBe(0);
        }
        finally
        {
            foreach (var node in nodes) node.Dispose();
            Directory.Delete(directory, true);
        }
    }

    [Test]
    public void A_node_asked_by_another_name_says_so_and_promises_nothing()
    {
        WithNodes(3, nodes =>
        {
            var endpoints = nodes.Select(n => n.Endpoint).ToArray();
            var other = endpoints[0].Replace("127.0.0.1", "localhost", StringComparison.Ordinal);
            var refused = KvdCluster.Within(20, () => Init($"{other},{endpoints[1]},{endpoints[2]}"), r => r.ExitCode != 8);
            refused.ExitCode.ShouldBe(5, refused.ToString());
            refused.Error.ShouldContain($"{other} is this node, which others know as {endpoints[0]}");
            var formed = Init(string.Join(',', endpoints));
            formed.ExitCode.ShouldBe(0, formed.ToString());
        });
    }

    [Test]
    public async Task A_formation_that_may_be_committed_is_never_called_not_applied()
    {
        await using var third = new ScriptedNode()
            .On((FrameType)PeerFrame.InitPrepare, _ => ScriptedReply.Of((FrameType)PeerFrame.InitPrepared, output => WritePromise(output, "n3")))
            .On((FrameType)PeerFrame.InitCommit, _ => ScriptedReply.Close);
        WithNodes(2, nodes =>
        {
            var list = $"{nodes[0].Endpoint},{nodes[1].Endpoint},{third.Address}";
            var cut = KvdCluster.Within(20, () => Init(list), r => r.Error.Contains(third.Address, StringComparison.Ordinal));
            cut.ExitCode.ShouldBe(6, cut.ToString());
            cut.Error.ShouldContain("--cluster-id");
        });
    }

    /// <summary>A node's promise: {u64 incarnation, string name, string zone, bytes cluster file}.</summary>
    private static void WritePromise(IBufferWriter<byte> output, string name)
    {
        var wire = new WireWriter(output);
        wire.UInt64(3);
        wire.String(name);
        wire.String("");
        wire.Bytes([]);
        wire.Complete();
    }

    private static void WithNodes(int count, Action<List<KvdProcess>> run)
    {
        var directory = Directory.CreateTempSubdirectory("kvd-test-").FullName;
        var nodes = Enumerable.Range(1, count).Select(i => new KvdProcess($"n{i}", directory, new Dictionary<string, string>())).ToList();
        try
        {
            foreach (var node in nodes) node.Start();
            run(nodes);
        }
        finally
        {
            foreach (var node in nodes) node.Dispose();
            Directory.Delete(directory, true);
        }
    }

    // How long three nodes take to make their partitions is not asked here, and a busy machine needs more than the seconds of an operator.
    private static CtlResult Init(string nodes, params string[] more) =>
        Kvctl.Run(nodes.Split(',')[0], ["cluster", "init", "--nodes", nodes, "--timeout", "60s", .. more]);
}

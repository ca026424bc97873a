using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Processes;

/// <summary>Real processes that are killed.</summary>
[TestFixture]
[NonParallelizable]
internal sealed class FailureTests
{
    [Test]
    public void With_two_of_three_dead_strong_writes_are_refused_and_local_reads_answer()
    {
        using var cluster = new KvdCluster();
        Kvctl.Run(cluster.Endpoints, "put", "k", "v", "--strong").ExitCode.ShouldBe(0);
        KvdCluster.Within(10, () => Kvctl.Run(cluster.Nodes[0].Endpoint, "get", "k"), r => r.Out == "v\n");
        cluster.Nodes[1].Kill();
        cluster.Nodes[2].Kill();

        for (var attempt = 0; attempt < 5; attempt++)
        {
            var put = Kvctl.Run(cluster.Nodes[0].Endpoint, "put", "k", "w", "--strong", "--timeout", "2s", "--json");
            put.ExitCode.ShouldBeOneOf(5, 6);
            put.Json.GetProperty("outcome").GetString().ShouldBe(put.ExitCode == 5 ? "not_applied" : "unknown");
        }

        var refused = KvdCluster.Within(
            20, () => Kvctl.Run(cluster.Nodes[0].Endpoint, "put", "k", "w", "--strong", "--timeout", "2s", "--json"), r => r.ExitCode == 5);
        refused.Json.GetProperty("error").GetString().ShouldBe("no_quorum");
        Kvctl.Run(cluster.Nodes[0].Endpoint, "get", "k", "--quorum", "--timeout", "2s").ExitCode.ShouldBe(5);
        var local = Kvctl.Run(cluster.Nodes[0].Endpoint, "get", "k", "--json");
        local.ExitCode.ShouldBe(0, local.ToString());
        local.Json.GetProperty("detached").GetBoolean().ShouldBeTrue();
    }

    [Test]
    public void After_kill_9_of_all_three_everything_acknowledged_is_there()
    {
        using var cluster = new KvdCluster(16);
        for (var i = 0; i < 50; i++)
            Kvctl.Run(cluster.Endpoints, "put", $"k{i}", $"v{i}", i % 2 == 0 ? "--strong" : "--fast").ExitCode.ShouldBe(0);
        foreach (var node in cluster.Nodes) node.Kill();
        foreach (var node in cluster.Nodes) node.Start(cluster.Options);
        cluster.WaitUntilWritable();
        for (var i = 0; i < 50; i++) Kvctl.Run(cluster.Endpoints, "get", $"k{i}", "--quorum").Out.ShouldBe($"v{i}\n");
    }

    [Test]
    public void A_node_hands_its_primaries_over_and_exits_0_on_SIGTERM()
    {
        using var cluster = new KvdCluster();
        cluster.Nodes[0].Stop().ShouldBe(0, cluster.Nodes[0].Log);
        var put = Kvctl.Run(cluster.Nodes[1].Endpoint, "put", "k", "v", "--strong", "--timeout", "2s");
        put.ExitCode.ShouldBe(0, put.ToString());
    }
}

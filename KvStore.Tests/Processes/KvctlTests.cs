using System.Text;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Processes;

/// <summary>The main path through real processes: kvctl, three nodes, the documents and the exit codes that scripts rely on.</summary>
[TestFixture]
[NonParallelizable]
internal sealed class KvctlTests
{
    private KvdCluster _cluster = null!;

    [OneTimeSetUp]
    public void Start() => _cluster = new KvdCluster();

    [OneTimeTearDown]
    public void Stop() => _cluster.Dispose();

    [Test]
    public void A_strong_put_names_a_majority_and_every_node_reads_it()
    {
        var put = Run("put", "k", "v", "--strong", "--json");
        put.ExitCode.ShouldBe(0, put.ToString());
        put.Json.GetProperty("achieved").GetString().ShouldBe("strong");
        put.Json.GetProperty("acked_by").GetArrayLength().ShouldBeGreaterThanOrEqualTo(2);
        var revision = put.Json.GetProperty("revision").GetString()!;

        foreach (var node in _cluster.Nodes)
        {
            Kvctl.Run(node.Endpoint, "get", "k", "--quorum").Out.ShouldBe("v\n");
            var local = Kvctl.Run(node.Endpoint, "get", "k", "--at-least", revision, "--json");
            local.ExitCode.ShouldBe(0, local.ToString());
            local.Json.GetProperty("value").GetProperty("utf8").GetString().ShouldBe("v");
            local.Json.GetProperty("revision").GetString().ShouldBe(revision);
        }
    }

    [Test]
    public void A_fast_put_says_that_only_the_primary_holds_it()
    {
        var put = Run("put", "f", "v", "--fast", "--json").Json;
        put.GetProperty("achieved").GetString().ShouldBe("fast");
        put.GetProperty("acked_by").GetArrayLength().ShouldBe(1);
        put.GetProperty("acked_by")[0].GetString().ShouldBe(put.GetProperty("primary").GetString());
        Run("get", "f", "--quorum").Out.ShouldBe("v\n");
    }

    [Test]
    public void An_absent_key_exits_3_and_a_wrong_option_2()
    {
        var absent = Run("get", "nope", "--json");
        absent.ExitCode.ShouldBe(3, absent.ToString());
        absent.Json.GetProperty("found").GetBoolean().ShouldBeFalse();

        var wrong = Run("put", "k", "v", "--fastest");
        wrong.ExitCode.ShouldBe(2, wrong.ToString());
        wrong.Out.ShouldBeEmpty();
        wrong.Error.ShouldContain("--fastest");
    }

    [Test]
    public void Conditions_are_decided_by_the_record()
    {
        Run("put", "cas", "1", "--if-absent", "--strong").ExitCode.ShouldBe(0);
        var again = Run("put", "cas", "2", "--if-absent", "--strong", "--json");
        again.ExitCode.ShouldBe(4, again.ToString());
        again.Json.GetProperty("error").GetString().ShouldBe("condition_failed");
        again.Json.GetProperty("outcome").GetString().ShouldBe("not_applied");

        var version = Run("get", "cas", "--quorum", "--json").Json.GetProperty("version").GetString()!;
        Run("put", "cas", "3", "--if-version", version, "--strong").ExitCode.ShouldBe(0);
        Run("put", "cas", "4", "--if-version", version, "--strong").ExitCode.ShouldBe(4);
        Run("get", "cas", "--quorum").Out.ShouldBe("3\n");
    }

    [Test]
    public void Deleting_says_whether_there_was_anything()
    {
        Run("put", "d", "v", "--strong").ExitCode.ShouldBe(0);
        Run("delete", "d", "--strong", "--json").Json.GetProperty("existed").GetBoolean().ShouldBeTrue();
        Run("delete", "d", "--strong", "--json").Json.GetProperty("existed").GetBoolean().ShouldBeFalse();
        Run("get", "d", "--quorum").ExitCode.ShouldBe(3);
    }

    [Test]
    public void An_expired_record_is_gone_everywhere()
    {
        Run("put", "ttl", "v", "--ttl", "400ms", "--strong", "--json").ExitCode.ShouldBe(0);
        Run("get", "ttl", "--quorum", "--json").Json.GetProperty("expires_at").GetString().ShouldNotBeNull();
        foreach (var node in _cluster.Nodes)
            KvdCluster.Within(10, () => Kvctl.Run(node.Endpoint, "get", "ttl"), r => r.ExitCode == 3);
    }

    [Test]
    public void A_scan_is_ordered_across_partitions_and_pages()
    {
        for (var i = 0; i < 25; i++) Run("put", $"scan/{i:d2}", $"{i}", "--strong").ExitCode.ShouldBe(0);
        var all = Run("scan", "scan/", "--quorum", "--json");
        all.ExitCode.ShouldBe(0, all.ToString());
        var lines = all.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var keys = lines.Where(l => l.Contains("\"key\"")).Select(l => System.Text.Json.JsonDocument.Parse(l).RootElement.GetProperty("key").GetProperty("utf8").GetString()).ToList();
        keys.ShouldBe(Enumerable.Range(0, 25).Select(i => $"scan/{i:d2}"));
        Run("scan", "scan/", "--quorum", "--limit", "3").Out.ShouldContain("scan/02");
    }

    [Test]
    public void Keys_and_values_are_bytes()
    {
        byte[] value = [0, 255, 10, 13, 128, 1];
        Kvctl.RunWithInput(_cluster.Endpoints, value, "put", "--key-base64", Convert.ToBase64String([255, 0, 254]), "-", "--strong").ExitCode.ShouldBe(0);
        var got = Run("get", "--key-base64", Convert.ToBase64String([255, 0, 254]), "--quorum", "--json");
        got.ExitCode.ShouldBe(0, got.ToString());
        got.Json.GetProperty("value").GetProperty("base64").GetString().ShouldBe(Convert.ToBase64String(value));
        got.Json.GetProperty("key").GetProperty("base64").GetString().ShouldBe(Convert.ToBase64String([255, 0, 254]));
    }

    [Test]
    public void A_value_over_the_limit_is_refused_and_the_next_one_is_not()
    {
        var large = new byte[(16 << 20) + 1];
        var refused = Kvctl.RunWithInput(_cluster.Endpoints, large, "put", "large", "-", "--json");
        refused.ExitCode.ShouldBe(5, refused.ToString());
        refused.Json.GetProperty("error").GetString().ShouldBe("too_large");
        Encoding.UTF8.GetBytes("fits").CopyTo(large, 0);
        Kvctl.RunWithInput(_cluster.Endpoints, large[..(16 << 20)], "put", "large", "-", "--strong").ExitCode.ShouldBe(0);
        Run("get", "large", "--quorum", "--raw").Out.ShouldStartWith("fits");
        Run("delete", "large", "--strong").ExitCode.ShouldBe(0);
    }

    [Test]
    public void Status_members_ring_and_explain_agree()
    {
        Run("put", "explained", "v", "--strong").ExitCode.ShouldBe(0);
        var status = Run("cluster", "status", "--json").Json;
        status.GetProperty("health").GetString().ShouldBe("healthy");
        status.GetProperty("nodes").GetArrayLength().ShouldBe(3);
        Run("cluster", "members").Out.ShouldContain("n2");
        Run("cluster", "ring", "--json").ExitCode.ShouldBe(0);
        var explained = Run("explain", "explained", "--json");
        explained.ExitCode.ShouldBe(0, explained.ToString());
        explained.Json.GetProperty("replicas").GetArrayLength().ShouldBe(3);
    }

    private CtlResult Run(params string[] arguments) => Kvctl.Run(_cluster.Endpoints, arguments);
}

using KvStore.Daemon.Ctl.Health;
using KvStore.Tests.Daemon.Ctl.Documents;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Daemon.Ctl;

public sealed class ClusterHealthTests
{
    [Test]
    public void All_nodes_up_and_all_partitions_led_is_healthy()
    {
        HealthSamples.Healthy.Health.ShouldBe(ClusterHealth.Healthy);
        HealthSamples.Healthy.WithoutPrimary.ShouldBe(0);
    }

    [Test]
    public void One_node_down_is_degraded_and_says_what_one_more_would_do()
    {
        HealthSamples.Degraded.Health.ShouldBe(ClusterHealth.Degraded);
        HealthSamples.Degraded.Sentence.ShouldBe("n3 is down; everything works, but 16 of 16 partitions would stop taking strong writes at one more failure");
    }

    [Test]
    public void Two_nodes_down_is_critical()
    {
        HealthSamples.Critical.Health.ShouldBe(ClusterHealth.Critical);
        HealthSamples.Critical.Sentence.ShouldBe("n2 and n3 are down; 16 of 16 partitions have lost their majority: strong writes and quorum reads on them are refused");
        HealthSamples.Critical.WithoutPrimary.ShouldBe(10);
    }

    [Test]
    public void A_node_that_only_kvctl_cannot_reach_is_not_counted_as_down()
    {
        var cluster = HealthSamples.OneSilent;
        cluster.Health.ShouldBe(ClusterHealth.Degraded);
        cluster.WithoutPrimary.ShouldBe(0);
        cluster.Sentence.ShouldStartWith("n3 is not reachable from here");
        cluster.Nodes[2].State.ShouldBe("up");
    }

    [Test]
    public void Partitions_that_nobody_leads_are_critical_even_with_all_nodes_up()
    {
        HealthSamples.Electing.Health.ShouldBe(ClusterHealth.Critical);
        HealthSamples.Electing.Sentence.ShouldBe("all 3 nodes are up; 5 of 16 partitions have no primary at the moment");
    }
}

using KvStore.Daemon.Ctl.Health;
using KvStore.Protocol.Messages;

namespace KvStore.Tests.Daemon.Ctl.Documents;

/// <summary>Clusters in different states of health.</summary>
internal static class HealthSamples
{
    public static ClusterHealth Healthy
    {
        get
        {
            var topology = Samples.Topology();
            return new(topology, [Samples.Answering(topology, 1), Samples.Answering(topology, 2), Samples.Answering(topology, 3)]);
        }
    }

    /// <summary>The third node is down and the first leads what was its.</summary>
    public static ClusterHealth Degraded
    {
        get
        {
            var topology = Samples.Topology(Liveness.Down);
            int[] orphans = [.. Enumerable.Range(0, 16).Where(p => topology.Leaders[p] == 3)];
            return new(topology, [Samples.Answering(topology, 1, orphans), Samples.Answering(topology, 2), Samples.Silent(topology, 3)]);
        }
    }

    /// <summary>Only the first node answers; the cluster of the others is gone.</summary>
    public static ClusterHealth Critical
    {
        get
        {
            var topology = Samples.Topology(Liveness.Down);
            topology = topology with { Members = [topology.Members[0], topology.Members[1] with { Liveness = Liveness.Unknown }, topology.Members[2]] };
            return new(topology, [Samples.Answering(topology, 1), Samples.Silent(topology, 2), Samples.Silent(topology, 3)]);
        }
    }

    /// <summary>The third node lives, but not for kvctl.</summary>
    public static ClusterHealth OneSilent
    {
        get
        {
            var topology = Samples.Topology();
            return new(topology, [Samples.Answering(topology, 1), Samples.Answering(topology, 2), Samples.Silent(topology, 3)]);
        }
    }

    /// <summary>All nodes live; nobody leads what the third led.</summary>
    public static ClusterHealth Electing
    {
        get
        {
            var topology = Samples.Topology();
            var third = Samples.Answering(topology, 3);
            return new(topology, [Samples.Answering(topology, 1), Samples.Answering(topology, 2), third with { Status = third.Status! with { Leads = [] } }]);
        }
    }
}

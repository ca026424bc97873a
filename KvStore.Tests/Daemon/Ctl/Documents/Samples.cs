using KvStore.Daemon.Ctl.Health;
using KvStore.Daemon.Ctl.Load;
using KvStore.Protocol.Messages;

namespace KvStore.Tests.Daemon.Ctl.Documents;

/// <summary>Values for the golden documents.</summary>
internal static class Samples
{
    public const long WallMs = 1_795_360_000_123;

    public static readonly UInt128 ClusterId = UInt128.Parse("5f0c9e1d2b3a49788695a4b3c2d1e0f1", System.Globalization.NumberStyles.AllowHexSpecifier, null);

    public static WireRevision Revision => new(7, 318, ((ulong)WallMs << 16) | 2, 1);

    public static byte[] Key => "user/42"u8.ToArray();

    public static WriteResult StrongWrite => new()
    {
        Outcome = Outcome.Applied,
        Requested = WriteMode.Strong,
        Achieved = WriteMode.Strong,
        Revision = Revision,
        Partition = 17,
        Primary = 1,
        AckedBy = default(NodeList).With(1).With(3),
    };

    public static ReadResult LocalRead => new()
    {
        Found = true,
        Value = "v"u8.ToArray(),
        Revision = Revision,
        Achieved = ReadConsistency.Local,
        ServedBy = 2,
        Partition = 17,
        StalenessMs = 38,
    };

    /// <summary>Three nodes, sixteen partitions, each led by the head of its preference list.</summary>
    public static TopologyReply Topology(Liveness third = Liveness.Up)
    {
        ushort[][] orders = [[1, 2, 3], [2, 3, 1], [3, 1, 2]];
        var replicas = Enumerable.Range(0, 16).SelectMany(p => orders[p % 3]).ToArray();
        return new TopologyReply
        {
            ClusterId = ClusterId,
            Version = 12,
            PartitionCount = 16,
            Replicas = replicas,
            Leaders = [.. Enumerable.Range(0, 16).Select(p => orders[p % 3][0])],
            Members =
            [
                new TopologyMember(1, "n1", "127.0.0.1:7400", "a", 1, WireMemberState.Active, Liveness.Up),
                new TopologyMember(2, "n2", "127.0.0.1:7410", "b", 1, WireMemberState.Active, Liveness.Up),
                new TopologyMember(3, "n3", "127.0.0.1:7420", "c", 1, WireMemberState.Active, third),
            ],
        };
    }

    /// <summary>What a node says of itself that leads what the topology says it leads.</summary>
    public static NodeReport Answering(TopologyReply topology, ushort node, params int[] alsoLeads)
    {
        var leads = Enumerable.Range(0, topology.PartitionCount).Where(p => topology.Leaders[p] == node || alsoLeads.Contains(p));
        return new NodeReport(Member(topology, node), Failure: null, Status: new StatusReply
        {
            Node = node,
            State = NodeState.Up,
            Leads = [.. leads.Select(p => (ushort)p)],
            DataBytes = 1_234_567,
            WalBytes = 67_108_864,
            LagMs = 38,
            FsyncP95Us = 210,
            SkewMs = -1,
            BuildVersion = "0.1.0",
        });
    }

    public static NodeReport Silent(TopologyReply topology, ushort node) =>
        new(Member(topology, node), Status: null, "unreachable: connection refused");

    public static ExplainReply Explain => new()
    {
        Hash = 0x1122334455667788,
        Partition = 17,
        PartitionCount = 256,
        RingPosition = 0x00ab000000000001,
        Leader = 1,
        Replicas =
        [
            new ExplainReplica
            {
                Node = 1, Name = "n1", Zone = "a", Reachable = true, Role = ReplicaRole.Primary, LeaderKnown = true, Term = 7,
                AppliedIndex = 318, LastIndex = 318, CommitIndex = 318, Found = true, Revision = Revision, StalenessMs = 3,
            },
            new ExplainReplica
            {
                Node = 2, Name = "n2", Zone = "b", Reachable = true, Role = ReplicaRole.Replica, LeaderKnown = true, Term = 7,
                AppliedIndex = 317, LastIndex = 318, CommitIndex = 317, Tombstone = true, Revision = Revision with { Index = 300 }, StalenessMs = 41,
                DetachedWrites = 2,
            },
            new ExplainReplica { Node = 3, Name = "n3", Zone = "c", Reason = "down" },
        ],
        LocalRead = new(true, "n1 answers"),
        QuorumRead = new(true, "n1 leads and 2 of 3 replicas are up"),
        StrongWrite = new(false, "a reason"),
    };

    public static BenchResult Bench
    {
        get
        {
            var latencies = new LatencyHistogram();
            for (var i = 1; i <= 1000; i++) latencies.Record(i * 1_000_000);
            var errors = new Dictionary<string, long> { ["overloaded"] = 3, ["no_quorum"] = 12 };
            return new BenchResult(200_000, TimeSpan.FromSeconds(4.1), latencies, errors, 0.2101);
        }
    }

    private static TopologyMember Member(TopologyReply topology, ushort node) => topology.Members.Single(m => m.Node == node);
}

using KvStore.Core.Io;
using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using KvStore.Daemon.Diagnostics;

namespace KvStore.Daemon.Server;

/// <summary>What merely is, read when somebody asks for metrics.</summary>
internal static class Figures
{
    public static NodeFigures Of(KvNode? node, NodeHost host, IClock clock)
    {
        if (node is null) return NodeFigures.None with { Connections = host.Connections, FramesReceived = host.FramesReceived, FramesSent = host.FramesSent };
        var oldest = node.OldestAtRiskNs;
        return new NodeFigures
        {
            WalBytes = node.Wal.SizeBytes,
            Peers = LagOf(node),
            AtRiskWrites = node.Counters.AtRiskWrites,
            AtRiskBytes = node.Counters.AtRiskBytes,
            AtRiskOldestSeconds = oldest == 0 ? 0 : Math.Max(0, clock.BootTimeNs - oldest) / 1e9,
            PartitionsByRole = RolesOf(node),
            Elections = node.Counters.Elections,
            LeaderChanges = node.Counters.LeaderChanges,
            FastWritesCut = node.Counters.FastWritesCut,
            PartitionsHalted = node.HaltedCount,
            PartitionHalts = node.Counters.PartitionHalts,
            Connections = host.Connections,
            FramesReceived = host.FramesReceived,
            FramesSent = host.FramesSent,
            OverloadRejections = node.Counters.OverloadRejections,
            WriteStallSeconds = node.Counters.WriteStallNs / 1e9,
            SnapshotsSent = node.Counters.SnapshotsSent,
            SnapshotsInstalled = node.Counters.SnapshotsInstalled,
            Storage = node.Storage.ReadStatistics(),
        };
    }

    private static Dictionary<string, int> RolesOf(KvNode node)
    {
        var roles = new Dictionary<string, int> { ["primary"] = 0, ["replica"] = 0, ["candidate"] = 0, ["learner"] = 0 };
        for (var i = 0; i < node.Topology.PartitionCount; i++)
        {
            if (node.StatusOf(new PartitionId((ushort)i)) is not { } status) continue;
            roles[status.Read().Role switch
            {
                RaftRole.Leader => "primary",
                RaftRole.Follower => "replica",
                RaftRole.Learner => "learner",
                _ => "candidate",
            }]++;
        }

        return roles;
    }

    private static List<PeerLag> LagOf(KvNode node)
    {
        var lags = new List<PeerLag>();
        foreach (var (peer, lag) in node.ReplicationLag())
            lags.Add(new PeerLag(node.Topology.Find(peer)?.Name ?? peer.ToString(), lag.Entries, lag.Bytes, lag.Seconds));
        return lags;
    }
}

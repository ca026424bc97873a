using KvStore.Core.Io;
using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using KvStore.Core.Ring;
using KvStore.Daemon.Config;
using KvStore.Daemon.Diagnostics;
using KvStore.Protocol.Messages;

namespace KvStore.Daemon.Server;

/// <summary>What a node says of itself.</summary>
internal static class StatusOf
{
    public static StatusReply Host(
        NodeHost host, KvdConfig config, NodeIdentity identity, Topology? topology, NodeId self, long uptimeMs, NodeMetrics metrics, IClock clock)
    {
        var leads = new List<ushort>();
        var replicas = 0u;
        var lagMs = 0L;
        for (var i = 0; host.Node is { } node && i < node.Topology.PartitionCount; i++)
        {
            if (node.StatusOf(new PartitionId((ushort)i)) is not { } status) continue;
            replicas++;
            var seen = status.Read();
            if (seen.Role == RaftRole.Leader) leads.Add((ushort)i);
            else if (Staleness.BoundMs(status.Staleness.BaseNs(seen.DurableTerm, seen.Applied), clock.BootTimeNs) is { } bound) lagMs = Math.Max(lagMs, bound);
        }

        var fsync = metrics.WalSyncQuantileNs(0.95);
        return new StatusReply
        {
            Node = self.Value,
            State = host.IsDraining ? NodeState.Draining : topology is null ? NodeState.NotInitialized : host.IsStarting ? NodeState.Starting : NodeState.Up,
            ClusterId = topology?.ClusterId ?? 0,
            TopologyVersion = topology?.Version ?? 0,
            Incarnation = identity.Incarnation,
            BootId = identity.Boot,
            UptimeMs = (ulong)uptimeMs,
            PartitionCount = (uint)(topology?.PartitionCount ?? 0),
            Replicas = replicas,
            DataBytes = host.Node is { } open ? DataBytesOf(open) : 0,
            WalBytes = (ulong)(host.Node?.Wal.SizeBytes ?? 0),
            LagMs = (uint)Math.Min(lagMs, uint.MaxValue),
            FsyncP95Us = double.IsNaN(fsync) ? 0 : (uint)(fsync / 1000),
            SkewMs = host.Node?.SkewMs ?? 0,
            AtRiskWrites = (ulong)(host.Node?.Counters.AtRiskWrites ?? 0),
            Name = topology?.Find(self)?.Name ?? config.NodeName,
            Address = config.Advertise.ToString(),
            Zone = topology?.Find(self)?.Zone ?? config.Zone,
            BuildVersion = BuildInfo.Version,
            Leads = leads,
        };
    }

    /// <summary>Tables and memtables; the log is counted apart.</summary>
    private static ulong DataBytesOf(KvNode node)
    {
        var storage = node.Storage.ReadStatistics();
        return (ulong)(storage.MemTableBytes + storage.Levels.Sum(l => l.Bytes));
    }
}

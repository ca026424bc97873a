using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using KvStore.Core.Ring;
using KvStore.Core.Storage;

namespace KvStore.Core.Node;

/// <summary>Where an answer came from and how old it may be.</summary>
/// <param name="StalenessMs">Upper bound; null = there is none.</param>
/// <param name="Detached">No primary is reachable from here.</param>
public readonly record struct ReadOrigin(NodeId Node, bool IsPrimary, long? StalenessMs, bool Detached);

/// <summary>
/// Reads of the replicas on this node, on the caller's thread: pinned views, no lock, no queue.
/// </summary>
internal sealed class LocalReads(
    NodeContext context, Topology topology, PartitionStatus?[] statuses, IReadOnlyDictionary<PartitionId, PartitionStore> stores,
    Heartbeats heartbeats)
{
    public bool Holds(PartitionId partition) => statuses[partition.Value] is not null;

    /// <summary>Milliseconds since the Unix epoch by which expiry is judged: log time or the clock, whichever is later.</summary>
    public long ExpiryNowMs(in ReadView view) => Math.Max((long)(view.LogTime >> 16), context.Clock.WallMs);

    public PartitionStore Store(PartitionId partition) => stores[partition];

    /// <summary>Read it before the view: the bound must not be newer than the state that is returned.</summary>
    public (PartitionSnapshot Status, long BaseNs) Before(PartitionId partition)
    {
        var status = statuses[partition.Value]!;
        var seen = status.Read();
        return (seen, status.Staleness.BaseNs(seen.DurableTerm, seen.Applied));
    }

    /// <summary>What the answer says of itself; called when it is encoded.</summary>
    public ReadOrigin Origin(PartitionId partition, in PartitionSnapshot seen, long baseNs)
    {
        var leads = seen.Role == RaftRole.Leader;
        var cutOff = !leads && heartbeats.LeaderHint(partition).IsNone;
        return new ReadOrigin(context.Self, leads, Staleness.BoundMs(baseNs, context.Clock.BootTimeNs), cutOff);
    }

    /// <summary>A live node that holds a partition this one does not hold.</summary>
    public NodeId NearestHolder(PartitionId partition)
    {
        foreach (var replica in topology.ReplicasOf(partition))
            if (heartbeats.IsAlive(replica.Node)) return replica.Node;
        return default;
    }
}

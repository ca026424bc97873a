using Prometheus;

namespace KvStore.Daemon.Diagnostics;

/// <summary>The metric families that are read from <see cref="NodeFigures"/> at a scrape. One caller at a time.</summary>
internal sealed class FigureFamilies(IMetricFactory factory)
{
    private readonly Gauge _walBytes = factory.CreateGauge("kvd_wal_size_bytes", "Size of the log's files, recycled ones included.");
    private readonly Gauge _lagEntries = factory.CreateGauge("kvd_replication_lag_entries", "Log entries that a peer's replicas do not have yet, over all partitions that this node leads.", ["peer"]);
    private readonly Gauge _lagBytes = factory.CreateGauge("kvd_replication_lag_bytes", "The same in bytes.", ["peer"]);
    private readonly Gauge _lagSeconds = factory.CreateGauge("kvd_replication_lag_seconds", "Age of the oldest entry that one of a peer's replicas does not have yet.", ["peer"]);
    private readonly Gauge _atRiskWrites = factory.CreateGauge("kvd_at_risk_writes", "Fast writes acknowledged here and not yet on a majority.");
    private readonly Gauge _atRiskBytes = factory.CreateGauge("kvd_at_risk_bytes", "The same in bytes.");
    private readonly Gauge _atRiskOldest = factory.CreateGauge("kvd_at_risk_oldest_seconds", "Age of the oldest of them; 0 if there is none.");
    private readonly Gauge _roles = factory.CreateGauge("kvd_partition_role", "Partitions on this node by role.", ["role"]);
    private readonly Counter _elections = factory.CreateCounter("kvd_elections_total", "Elections that a replica here stood in.");
    private readonly Counter _leaderChanges = factory.CreateCounter("kvd_leader_changes_total", "How often a replica here learned of another leader.");
    private readonly Counter _fastWritesCut = factory.CreateCounter("kvd_fast_writes_cut_total", "Fast writes of this node that a new leader's log cut.");
    private readonly Gauge _partitionsHalted = factory.CreateGauge("kvd_partitions_halted", "Replicas on this node that have halted at damage and wait to be rebuilt.");
    private readonly Counter _partitionHalts = factory.CreateCounter("kvd_partition_halts_total", "How often a replica here halted at damage.");
    private readonly Gauge _connections = factory.CreateGauge("kvd_connections", "Client connections that are open, and those of either kind that have not said yet who they are.");
    private readonly Counter _frames = factory.CreateCounter("kvd_frames_total", "Frames received and sent.", ["direction"]);
    private readonly Counter _overloadRejections = factory.CreateCounter("kvd_overload_rejections_total", "Requests refused because a queue or a quota was full.");
    private readonly Counter _writeStalls = factory.CreateCounter("kvd_write_stall_seconds_total", "For how long writes were held up because flush or compaction was behind, over all writes.");
    private readonly Counter _snapshotsSent = factory.CreateCounter("kvd_snapshot_sent_total", "Snapshots sent to replicas that were behind the log.");
    private readonly Counter _snapshotsInstalled = factory.CreateCounter("kvd_snapshot_installed_total", "Snapshots installed here.");
    private readonly StorageFamilies _storage = new(factory);

    public void Update(NodeFigures figures)
    {
        _walBytes.Set(figures.WalBytes);
        UpdatePeers(figures.Peers);
        _atRiskWrites.Set(figures.AtRiskWrites);
        _atRiskBytes.Set(figures.AtRiskBytes);
        _atRiskOldest.Set(figures.AtRiskOldestSeconds);
        foreach (var (role, count) in figures.PartitionsByRole) _roles.WithLabels(role).Set(count);
        RemoveAbsent(_roles, figures.PartitionsByRole.Keys);
        _elections.IncTo(figures.Elections);
        _leaderChanges.IncTo(figures.LeaderChanges);
        _fastWritesCut.IncTo(figures.FastWritesCut);
        _partitionsHalted.Set(figures.PartitionsHalted);
        _partitionHalts.IncTo(figures.PartitionHalts);
        _connections.Set(figures.Connections);
        _frames.WithLabels("in").IncTo(figures.FramesReceived);
        _frames.WithLabels("out").IncTo(figures.FramesSent);
        _overloadRejections.IncTo(figures.OverloadRejections);
        _writeStalls.IncTo(figures.WriteStallSeconds);
        _snapshotsSent.IncTo(figures.SnapshotsSent);
        _snapshotsInstalled.IncTo(figures.SnapshotsInstalled);
        if (figures.Storage is { } storage) _storage.Update(storage);
    }

    private void UpdatePeers(IReadOnlyList<PeerLag> peers)
    {
        foreach (var lag in peers)
        {
            _lagEntries.WithLabels(lag.Peer).Set(lag.Entries);
            _lagBytes.WithLabels(lag.Peer).Set(lag.Bytes);
            _lagSeconds.WithLabels(lag.Peer).Set(lag.Seconds);
        }

        // The last lag of a node that has left would otherwise be reported for ever.
        var names = peers.Select(p => p.Peer).ToList();
        foreach (var family in new[] { _lagEntries, _lagBytes, _lagSeconds }) RemoveAbsent(family, names);
    }

    private static void RemoveAbsent(Gauge family, IEnumerable<string> present)
    {
        foreach (var labels in family.GetAllLabelValues().Where(l => !present.Contains(l[0])).ToList()) family.RemoveLabelled(labels);
    }
}

using KvStore.Core.Storage;

namespace KvStore.Daemon.Diagnostics;

/// <summary>
/// What a node says about itself at the moment of a scrape. Totals only grow while a process lives; everything else is a reading.
/// </summary>
public sealed record NodeFigures
{
    public static readonly NodeFigures None = new();

    public long WalBytes { get; init; }

    public IReadOnlyList<PeerLag> Peers { get; init; } = [];

    /// <summary>Fast writes acknowledged here that are not on a majority yet: what a lost disk would lose now.</summary>
    public long AtRiskWrites { get; init; }

    public long AtRiskBytes { get; init; }

    /// <summary>Age of the oldest of them, 0 if there is none.</summary>
    public double AtRiskOldestSeconds { get; init; }

    /// <summary>How many partitions this node has in each role ("primary", "replica", "candidate", "learner").</summary>
    public IReadOnlyDictionary<string, int> PartitionsByRole { get; init; } = new Dictionary<string, int>();

    public long Elections { get; init; }

    public long LeaderChanges { get; init; }

    public long FastWritesCut { get; init; }

    /// <summary>Replicas on this node that have halted at damage and wait to be rebuilt.</summary>
    public int PartitionsHalted { get; init; }

    /// <summary>How often one did.</summary>
    public long PartitionHalts { get; init; }

    public long Connections { get; init; }

    public long FramesReceived { get; init; }

    public long FramesSent { get; init; }

    public long OverloadRejections { get; init; }

    public double WriteStallSeconds { get; init; }

    public long SnapshotsSent { get; init; }

    public long SnapshotsInstalled { get; init; }

    /// <summary>Null before the node has a store.</summary>
    public StorageStatistics? Storage { get; init; }
}

/// <summary>How far a peer's replicas are behind the partitions that this node leads, all of them added up; the time is the worst of them.</summary>
public readonly record struct PeerLag(string Peer, long Entries, long Bytes, double Seconds);

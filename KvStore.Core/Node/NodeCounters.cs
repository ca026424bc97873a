namespace KvStore.Core.Node;

/// <summary>What a node counts, for metrics; changed with interlocked adds from any thread, read at scrape time.</summary>
public sealed class NodeCounters
{
    private long _elections;
    private long _leaderChanges;
    private long _fastWritesCut;
    private long _overloadRejections;
    private long _writeStallNs;
    private long _raftMessagesDropped;
    private long _atRiskWrites;
    private long _atRiskBytes;
    private long _snapshotsSent;
    private long _snapshotsInstalled;
    private long _partitionHalts;

    /// <summary>Campaigns started here.</summary>
    public long Elections => Volatile.Read(ref _elections);

    /// <summary>How often a replica here learned of another leader.</summary>
    public long LeaderChanges => Volatile.Read(ref _leaderChanges);

    /// <summary>Fast writes of this node that a new leader's log cut.</summary>
    public long FastWritesCut => Volatile.Read(ref _fastWritesCut);

    /// <summary>Requests refused because a queue or a quota was full.</summary>
    public long OverloadRejections => Volatile.Read(ref _overloadRejections);

    /// <summary>Peer messages dropped because a shard's queue was full; Raft recovers from that.</summary>
    public long RaftMessagesDropped => Volatile.Read(ref _raftMessagesDropped);

    /// <summary>Fast writes acknowledged here that no majority holds yet, as far as this node knows.</summary>
    public long AtRiskWrites => Volatile.Read(ref _atRiskWrites);

    public long AtRiskBytes => Volatile.Read(ref _atRiskBytes);

    /// <summary>For how long writes were held up in all because flush or compaction was behind, in ns.</summary>
    public long WriteStallNs => Volatile.Read(ref _writeStallNs);

    public long SnapshotsSent => Volatile.Read(ref _snapshotsSent);

    public long SnapshotsInstalled => Volatile.Read(ref _snapshotsInstalled);

    /// <summary>How often a replica here halted at damage.</summary>
    public long PartitionHalts => Volatile.Read(ref _partitionHalts);

    internal void AddElection() => Interlocked.Increment(ref _elections);

    internal void AddLeaderChange() => Interlocked.Increment(ref _leaderChanges);

    internal void AddFastWriteCut() => Interlocked.Increment(ref _fastWritesCut);

    internal void AddOverloadRejection() => Interlocked.Increment(ref _overloadRejections);

    internal void AddHeldWrite(long pauseNs) => Interlocked.Add(ref _writeStallNs, pauseNs);

    internal void AddRaftMessageDropped() => Interlocked.Increment(ref _raftMessagesDropped);

    internal void AddSnapshotSent() => Interlocked.Increment(ref _snapshotsSent);

    internal void AddSnapshotInstalled() => Interlocked.Increment(ref _snapshotsInstalled);

    internal void AddPartitionHalt() => Interlocked.Increment(ref _partitionHalts);

    internal void AddAtRisk(int writes, long bytes)
    {
        Interlocked.Add(ref _atRiskWrites, writes);
        Interlocked.Add(ref _atRiskBytes, bytes);
    }
}

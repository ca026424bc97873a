using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Protocol.Messages;

namespace KvStore.Core.Node;

/// <summary>What the parts of one node share: its seams to the world, its clock, its counters and its name.</summary>
internal sealed class NodeContext
{
    public required NodeId Self { get; init; }

    public required IClock Clock { get; init; }

    public required HybridClock Hlc { get; init; }

    public required IScheduler Scheduler { get; init; }

    public required ColdReads ColdReads { get; init; }

    /// <summary>Gets of clients that only the disk can answer. Of their own, so that they do not hold up what waits to be applied.</summary>
    public required ColdReads ClientReads { get; init; }

    /// <summary>Reads of the log for followers that are far behind. Of their own: there may be many, and nobody waits for them.</summary>
    public required ColdReads LogReads { get; init; }

    public required IPeerTransport Transport { get; init; }

    public required NodeCounters Counters { get; init; }

    public required NodeOptions Options { get; init; }

    public required INodeLog Log { get; init; }

    public required INodeObserver Observer { get; init; }

    public required Func<StorageEngine> Storage { get; init; }

    /// <summary>Told on the shard's thread when a replica here learns of another leader, so that requests that wait for one are released.</summary>
    public Action<PartitionId>? LeaderChanged { get; set; }

    /// <summary>This node hands over what it leads, because it is about to stop. Any thread.</summary>
    public volatile bool Leaving;

    /// <summary>Bytes of entries that are in a log of this node and not committed, over all partitions it leads.</summary>
    public long UncommittedBytes;

    /// <summary>Bytes of the log that repeat what stood further back in it, since the start.</summary>
    public long LogBytesWrittenAgain;

    /// <summary>Bytes of log that are in memory because the partitions they belong to apply nothing for now.</summary>
    public long StandingBytes;
}

/// <summary>Where a node says what happened; structured logging in production, the timeline in simulation.</summary>
public interface INodeLog
{
    void Info(string message);

    void Warn(string message);
}

/// <summary>What was asked for, as metrics name it.</summary>
public enum RequestKind : byte
{
    Put,
    Delete,
    Batch,
    Get,
    MultiGet,
    Scan,
}

/// <summary>Hears what a node did, for metrics. Any thread; must be cheap.</summary>
public interface INodeObserver
{
    /// <summary>A request ended. <paramref name="majority"/>: strong or quorum was asked for.</summary>
    void OnRequest(RequestKind kind, bool majority, KvError error, Outcome outcome, long durationNs);

    /// <summary>The WAL wrote and synced one batch.</summary>
    void OnSync(long durationNs, int records, int bytes);
}

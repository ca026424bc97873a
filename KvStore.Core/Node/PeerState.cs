using KvStore.Core.Primitives;

namespace KvStore.Core.Node;

/// <summary>What the heartbeat lane knows of one other node. All but <see cref="Heard"/> belongs to that lane.</summary>
internal sealed class PeerState(NodeId id, int partitionCount)
{
    private long _lastHeardNs;
    private bool _alive;

    public NodeId Id { get; } = id;

    public PeerClaims Claims { get; } = new(partitionCount);

    /// <summary>0 = never heard of.</summary>
    public ulong Boot { get; set; }

    /// <summary>Read by any thread.</summary>
    public bool Alive
    {
        get => Volatile.Read(ref _alive);
        set => Volatile.Write(ref _alive, value);
    }

    /// <summary>When the peer's whole list was last known (ns since boot); older than the timeout, it proves nothing any more.</summary>
    public long ListNs { get; set; }

    /// <summary>Since when it has been alive without a break (ns since boot).</summary>
    public long AliveSinceNs { get; set; }

    /// <summary>The newest clock reading of the peer that arrived; echoed to it.</summary>
    public long NewestSentNs { get; set; }

    /// <summary>The newest clock reading of this node that the peer echoed; 0 = none.</summary>
    public long EchoedNs { get; set; }

    /// <summary>Sequence of this node's list that the peer holds whole.</summary>
    public ulong ConfirmedByPeer { get; set; }

    /// <summary>Partitions that this node claims and the peer does not follow it in, from its latest heartbeat.</summary>
    public HashSet<PartitionId> Exceptions { get; } = [];

    /// <summary>It is about to stop: nothing is given to it to lead.</summary>
    public bool Leaving { get; set; }

    /// <summary>Offset of the peer's hybrid clock to this node's in ms, as last seen.</summary>
    public long SkewMs { get; set; }

    /// <summary>When the log last said that it is too far ahead; null while it is not.</summary>
    public long? SkewWarnedNs { get; set; }

    public long LastHeardNs => Volatile.Read(ref _lastHeardNs);

    /// <summary>Any byte from the peer, on any lane, counts as life. Any thread.</summary>
    public void Heard(long nowNs) => Volatile.Write(ref _lastHeardNs, nowNs);

    public void Forget()
    {
        Claims.Clear();
        NewestSentNs = 0;
        EchoedNs = 0;
        ConfirmedByPeer = 0;
        Exceptions.Clear();
    }
}

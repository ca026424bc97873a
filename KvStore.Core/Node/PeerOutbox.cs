using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using KvStore.Core.Storage.Wal;

namespace KvStore.Core.Node;

/// <summary>
/// The Raft messages that a shard's slice produced, gathered per peer and lane into few frames.
/// What may leave only after the WAL is durable waits here with the LSN it waits for.
/// </summary>
internal sealed class PeerOutbox(IPeerTransport transport, NodeCounters counters)
{
    /// <summary>A frame is sent when it has grown to this. One more message, with the largest entry, must still fit into a frame.</summary>
    private const int FlushBytes = 512 << 10;

    private readonly Dictionary<NodeId, Lanes> _peers = [];
    private readonly Queue<Deferred> _deferred = new();
    private readonly Stack<ByteBuffer> _spare = new();

    private sealed class Lanes
    {
        public readonly ByteBuffer Control = new();
        public readonly ByteBuffer Log = new();
        public ByteBuffer? AfterDurable;
    }

    private readonly record struct Deferred(Lsn After, NodeId To, ByteBuffer Body);

    /// <summary>Something waits for the WAL.</summary>
    public bool AwaitsLog => _deferred.Count > 0;

    /// <summary>The LSN that the oldest of it waits for.</summary>
    public Lsn OldestAwaited => _deferred.Peek().After;

    /// <summary>The buffer that messages of this kind to this peer are appended to.</summary>
    public ByteBuffer BufferFor(NodeId to, RaftMessageType type, bool afterDurable)
    {
        if (!_peers.TryGetValue(to, out var lanes)) _peers[to] = lanes = new Lanes();
        if (afterDurable) return lanes.AfterDurable ??= _spare.TryPop(out var spare) ? spare : new ByteBuffer();
        var buffer = type == RaftMessageType.Append ? lanes.Log : lanes.Control;
        if (buffer.Length >= FlushBytes) Send(to, type == RaftMessageType.Append ? PeerLane.Log : PeerLane.Control, buffer);
        return buffer;
    }

    /// <summary>Ends a slice: sends what may go now and lets the rest wait until everything submitted so far is durable.</summary>
    public void Flush(Lsn submitted, Lsn durable)
    {
        foreach (var (peer, lanes) in _peers)
        {
            if (lanes.Control.Length > 0) Send(peer, PeerLane.Control, lanes.Control);
            if (lanes.Log.Length > 0) Send(peer, PeerLane.Log, lanes.Log);
            if (lanes.AfterDurable is not { } waiting) continue;
            lanes.AfterDurable = null;
            _deferred.Enqueue(new Deferred(submitted, peer, waiting));
        }

        Release(durable);
    }

    /// <summary>Sends what waited for an LSN up to <paramref name="durable"/>.</summary>
    public void Release(Lsn durable)
    {
        while (_deferred.TryPeek(out var next) && next.After <= durable)
        {
            _deferred.Dequeue();
            Send(next.To, PeerLane.Control, next.Body);
            _spare.Push(next.Body);
        }
    }

    private void Send(NodeId to, PeerLane lane, ByteBuffer body)
    {
        if (!transport.TrySend(to, lane, PeerFrame.Raft, 0, body.Written)) counters.AddRaftMessageDropped();
        body.Clear();
    }
}

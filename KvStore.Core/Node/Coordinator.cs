using System.Collections.Concurrent;
using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Ring;
using KvStore.Core.Storage;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Core.Node;

/// <summary>One request as it came off a connection; the body is the caller's until <see cref="Coordinator.Submit"/> returns.</summary>
public readonly ref struct ClientRequest
{
    public required FrameType Type { get; init; }

    public required ulong Id { get; init; }

    /// <summary>Nanoseconds since boot.</summary>
    public required long DeadlineNs { get; init; }

    public required ReadOnlySpan<byte> Body { get; init; }

    public required IReplySink Sink { get; init; }

    /// <summary>Another node's coordinator sent it here.</summary>
    public bool Forwarded { get; init; }
}

/// <summary>
/// Takes every request that reaches this node, finds who must answer it, and sees to it that it is answered once.
/// Local reads are answered on the caller's thread; what needs a primary becomes a <see cref="RoutedRequest"/>.
/// </summary>
public sealed partial class Coordinator
{
    private const int MaxParked = 16_384;
    private const int MaxSpareBuffers = 64;

    private readonly NodeContext _context;
    private readonly Topology _topology;
    private readonly IReadOnlyList<Shard> _shards;
    private readonly Heartbeats _heartbeats;
    private readonly ConcurrentDictionary<ulong, (RoutedRequest Request, NodeId To)> _forwarded = new();
    private readonly ConcurrentQueue<ByteBuffer> _buffers = new();
    private readonly Lock _parkedGate = new();
    private readonly List<RoutedRequest> _parked = [];
    private int _spareBuffers;
    /// <summary>Enough for four months at 100,000 a second.</summary>
    private const int ForwardsPerBootBits = 40;

    private ulong _nextForward;
    private ulong _hintEpoch;
    private volatile bool _stopped;

    /// <param name="boot">Of this start. Replies to what an earlier process of the node forwarded may still come: they must find no request here.</param>
    internal Coordinator(
        NodeContext context, ulong boot, Topology topology, IReadOnlyList<Shard> shards, PartitionStatus?[] statuses,
        IReadOnlyDictionary<PartitionId, PartitionStore> stores, Heartbeats heartbeats)
    {
        _nextForward = boot << ForwardsPerBootBits;
        _context = context;
        _topology = topology;
        _shards = shards;
        _heartbeats = heartbeats;
        Reads = new LocalReads(context, topology, statuses, stores, heartbeats);
    }

    internal LocalReads Reads { get; }

    /// <summary>What is read from now on is no answer: the store may be closed, and a closed one is empty.</summary>
    internal bool IsStopping => _stopped;

    internal NodeId Self => _context.Self;

    internal long NowNs => _context.Clock.BootTimeNs;

    /// <summary>Takes a request; every request gets exactly one reply, from any thread. Never blocks.</summary>
    public void Submit(in ClientRequest request)
    {
        if (_stopped)
        {
            Refuse(request, KvError.ShuttingDown, "this node is stopping");
            return;
        }

        Dispatch(request);
    }

    /// <summary>A replica learned of a primary: requests that waited for it go on. Any thread.</summary>
    internal void OnLeaderChanged(PartitionId partition)
    {
        Interlocked.Increment(ref _hintEpoch);
        List<RoutedRequest>? released = null;
        lock (_parkedGate)
        {
            for (var i = _parked.Count - 1; i >= 0; i--)
            {
                if (_parked[i].Partition != partition) continue;
                (released ??= []).Add(_parked[i]);
                _parked.RemoveAt(i);
            }
        }

        if (released is null) return;
        for (var i = released.Count - 1; i >= 0; i--) Route(released[i]);
    }

    /// <summary>A request forwarded by a peer. Any thread.</summary>
    internal void OnForwarded(NodeId from, ulong requestId, ReadOnlySpan<byte> body)
    {
        if (!ForwardCodec.TryReadRequest(body, out var type, out var remainingNs, out var inner)) return;
        Submit(new ClientRequest
        {
            Type = type,
            Id = requestId,
            DeadlineNs = NowNs + remainingNs,
            Body = inner,
            Sink = new PeerSink(this, from),
            Forwarded = true,
        });
    }

    internal void OnForwardReply(NodeId from, ulong requestId, ReadOnlySpan<byte> body)
    {
        if (!_forwarded.TryGetValue(requestId, out var pending) || pending.To != from || !_forwarded.TryRemove(requestId, out _)) return;
        ErrorReply? error = null;
        if (!ForwardCodec.TryReadReply(body, out var type, out var inner) || (type == FrameType.Error && !Replies.TryRead(inner, ErrorReply.Decode, out error)))
        {
            pending.Request.EndUnknown(KvError.Internal, "the primary's reply cannot be read");
            return;
        }

        if (error?.Code == KvError.NotLeader) pending.Request.OnNotPrimary(new NodeId(error.Leader));
        else pending.Request.End(type, inner, error?.Code ?? KvError.None, error?.Outcome ?? Outcome.Applied);
    }

    /// <summary>What was forwarded to the peer and not answered: a write may have taken effect there, a read is asked again.</summary>
    internal void OnPeerLost(NodeId peer)
    {
        foreach (var (id, pending) in _forwarded)
        {
            if (pending.To != peer || !_forwarded.TryRemove(id, out _)) continue;
            if (pending.Request.IsWrite) pending.Request.EndUnknown(KvError.Unavailable, "the connection to the primary broke before it answered");
            else Park(pending.Request);
        }
    }

    /// <summary>Time passed: what waits for a primary is tried again or refused, what waits for another node's answer ends at its deadline.</summary>
    internal void Tick()
    {
        List<RoutedRequest> waiting;
        lock (_parkedGate)
        {
            waiting = [.. _parked];
            _parked.Clear();
        }

        foreach (var request in waiting) Route(request);
        var now = NowNs;
        foreach (var (id, pending) in _forwarded)
        {
            if (pending.Request.DeadlineNs > now || !_forwarded.TryRemove(id, out _)) continue;
            pending.Request.EndUnknown(KvError.DeadlineExceeded, "the primary gave no verdict in time");
        }
    }

    internal void Stop()
    {
        _stopped = true;
        Tick();
    }

    /// <summary>Sends a request where it belongs, or keeps it until a primary is known.</summary>
    internal void Route(RoutedRequest request)
    {
        if (NowNs >= request.DeadlineNs)
        {
            RefuseForLackOfPrimary(request, KvError.DeadlineExceeded);
            return;
        }

        var target = request.TargetOf(_heartbeats);
        if (target == _context.Self)
        {
            if (!request.TryRunHere(ShardOf(request.Partition))) request.EndWithError(KvError.Overloaded, "too many requests are waiting on this node");
        }
        else if (request.Forwarded) request.OnNotPrimary(target);
        else if (!target.IsNone && TryForward(request, target)) return;
        else if (!request.MayWait) request.EndWithError(KvError.Unavailable, "the node that must answer cannot be reached");
        else if (_stopped) request.EndWithError(KvError.ShuttingDown, "this node is stopping");
        else if (_heartbeats.KnowsWhoIsDown && LiveReplicas(request.Partition) < 2) RefuseForLackOfPrimary(request, KvError.NoQuorum);
        else Park(request);
    }

    /// <summary>Keeps a request that was refused by one node until the next tick or the news of another primary.</summary>
    internal void Park(RoutedRequest request)
    {
        lock (_parkedGate)
        {
            if (_parked.Count < MaxParked)
            {
                _parked.Add(request);
                return;
            }
        }

        request.EndWithError(KvError.Overloaded, "too many requests are waiting for a primary");
    }

    internal void Observe(RequestKind kind, bool majority, KvError error, Outcome outcome, long startedNs) =>
        _context.Observer.OnRequest(kind, majority, error, outcome, NowNs - startedNs);

    /// <summary>Reads a table off the threads that run connections and shards; false if too many such reads wait. The read must not throw.</summary>
    internal bool TryReadCold(PartitionId partition, int bytes, Action read) => _context.ClientReads.TryPost(partition, bytes, read);

    /// <summary>Runs something that may take a while off the shard's thread.</summary>
    internal bool Schedule(Action work)
    {
        _context.Scheduler.Post(new WorkItem(work));
        return true;
    }

    internal ByteBuffer RentBuffer()
    {
        if (!_buffers.TryDequeue(out var buffer)) return new ByteBuffer();
        Interlocked.Decrement(ref _spareBuffers);
        return buffer;
    }

    internal void ReturnBuffer(ByteBuffer buffer)
    {
        buffer.Clear();
        if (Interlocked.Increment(ref _spareBuffers) <= MaxSpareBuffers) _buffers.Enqueue(buffer);
        else Interlocked.Decrement(ref _spareBuffers);
    }

    private void RefuseForLackOfPrimary(RoutedRequest request, KvError code)
    {
        var missing = new List<MissingNode>();
        foreach (var replica in _topology.ReplicasOf(request.Partition))
            if (!_heartbeats.IsAlive(replica.Node)) missing.Add(new MissingNode(replica.Node.Value, "down"));
        var live = Topology.ReplicasPerPartition - missing.Count;
        if (live < 2) code = request.NeedsMajority ? KvError.NoQuorum : KvError.Unavailable;
        request.EndWithError(
            code, live < 2 ? $"{live} of 3 replicas can be reached, 2 are needed" : "the partition had no primary within the deadline", missing);
    }

    private int LiveReplicas(PartitionId partition)
    {
        var live = 0;
        foreach (var replica in _topology.ReplicasOf(partition))
            if (_heartbeats.IsAlive(replica.Node)) live++;
        return live;
    }

    private bool TryForward(RoutedRequest request, NodeId to)
    {
        var id = Interlocked.Increment(ref _nextForward);
        _forwarded[id] = (request, to);
        if (request.TryForward(_context.Transport, to, id, NowNs)) return true;
        return !_forwarded.TryRemove(id, out _);
    }

    internal Shard ShardOf(PartitionId partition) => _shards[partition.Value % _shards.Count];

    /// <summary>Carries a reply back to the coordinator that forwarded the request.</summary>
    private sealed class PeerSink(Coordinator owner, NodeId peer) : IReplySink
    {
        public void Reply(ulong requestId, FrameType type, ReadOnlySpan<byte> body)
        {
            var buffer = owner.RentBuffer();
            ForwardCodec.WriteReply(buffer, type, body);
            owner._context.Transport.TrySend(peer, PeerLane.Log, PeerFrame.ForwardReply, requestId, buffer.Written);
            owner.ReturnBuffer(buffer);
        }
    }
}

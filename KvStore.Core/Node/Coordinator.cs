using System.Collections.Concurrent;
using KvStore.Core.Primitives;
using KvStore.Core.Ring;
using KvStore.Core.Storage;

namespace KvStore.Core.Node;

/// <summary>One request as it came off a connection; the body is the caller's until <see cref="Coordinator.Submit"/> returns.</summary>
public readonly ref struct ClientRequest
{
    public required byte Type { get; init; }

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
    private readonly NodeContext _context;
    private readonly Topology _topology;
    private readonly IReadOnlyList<Shard> _shards;
    private readonly Heartbeats _heartbeats;
    private readonly ConcurrentDictionary<ulong, (RoutedRequest Request, NodeId To)> _forwarded = new();
    private readonly ConcurrentBag<ByteBuffer> _buffers = [];
    private readonly LocalReads _reads;
    private readonly Lock _parkedGate = new();
    private readonly List<RoutedRequest> _parked = [];
    private ulong _nextForward;
    private volatile bool _stopped;

    internal Coordinator(
        NodeContext context, Topology topology, IReadOnlyList<Shard> shards, PartitionStatus?[] statuses,
        IReadOnlyDictionary<PartitionId, PartitionStore> stores, Heartbeats heartbeats)
    {
        _context = context;
        _topology = topology;
        _shards = shards;
        _heartbeats = heartbeats;
        _reads = new LocalReads(context, topology, statuses, stores, heartbeats);
    }

    internal long NowNs => _context.Clock.BootTimeNs;

    /// <summary>Takes a request; every request gets exactly one reply, from any thread. Never blocks.</summary>
    public void Submit(in ClientRequest request)
    {
        if (_stopped)
        {
            ReplyError(request, KnownError.Of(ErrorCode.ShuttingDown));
            return;
        }

        Dispatch(request);
    }

    /// <summary>A replica learned of a primary: requests that waited for it go on. Any thread.</summary>
    internal void OnLeaderChanged(PartitionId partition)
    {
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
            Type = type, Id = requestId, DeadlineNs = NowNs + remainingNs, Body = inner, Sink = new PeerSink(this, from), Forwarded = true,
        });
    }

    internal void OnForwardReply(NodeId from, ulong requestId, ReadOnlySpan<byte> body)
    {
        if (!_forwarded.TryGetValue(requestId, out var pending) || pending.To != from || !_forwarded.TryRemove(requestId, out _)) return;
        if (!ForwardCodec.TryReadReply(body, out var type, out var inner)) pending.Request.EndWithError(KnownError.Of(ErrorCode.Internal));
        else if (type == ClientCodec.ErrorType && ClientCodec.ErrorCodeOf(inner) is var code && code == ErrorCode.NotPrimary) pending.Request.OnNotPrimary(default);
        else pending.Request.End(type, inner, type == ClientCodec.ErrorType ? ClientCodec.ErrorCodeOf(inner) : ErrorCode.None);
    }

    /// <summary>What was forwarded to the peer and not answered: a write may have taken effect there, a read is asked again.</summary>
    internal void OnPeerLost(NodeId peer)
    {
        foreach (var (id, pending) in _forwarded)
        {
            if (pending.To != peer || !_forwarded.TryRemove(id, out _)) continue;
            if (pending.Request.IsWrite) pending.Request.EndWithError(KnownError.MayBeApplied(ErrorCode.Unavailable, "the connection to the primary broke"));
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
            pending.Request.EndWithError(pending.Request.IsWrite
                ? KnownError.MayBeApplied(ErrorCode.DeadlineExceeded, "the primary gave no verdict in time")
                : KnownError.Of(ErrorCode.DeadlineExceeded));
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
            request.EndWithError(RefusalWithoutPrimary(request, ErrorCode.DeadlineExceeded));
            return;
        }

        var primary = _heartbeats.LeaderHint(request.Partition);
        if (primary == _context.Self)
        {
            if (!request.TryRunHere(ShardOf(request.Partition))) request.EndWithError(KnownError.Of(ErrorCode.Overloaded));
        }
        else if (request.Forwarded) request.EndWithError(KnownError.NotPrimary(primary));
        else if (!primary.IsNone && Forward(request, primary)) return;
        else if (_stopped) request.EndWithError(KnownError.Of(ErrorCode.ShuttingDown));
        else if (LiveReplicas(request.Partition) < 2) request.EndWithError(RefusalWithoutPrimary(request, ErrorCode.NoQuorum));
        else lock (_parkedGate) _parked.Add(request);
    }

    /// <summary>Keeps a request that was refused by one node until the next tick or the news of another primary.</summary>
    internal void Park(RoutedRequest request)
    {
        lock (_parkedGate) _parked.Add(request);
    }

    internal void OnEnded(RoutedRequest request, ErrorCode code) => _context.Observer.OnRequest(request.FrameType, request.NeedsMajority, code, NowNs - request.StartedNs);

    internal ByteBuffer RentBuffer() => _buffers.TryTake(out var buffer) ? buffer : new ByteBuffer();

    internal void ReturnBuffer(ByteBuffer buffer)
    {
        buffer.Clear();
        if (_buffers.Count < 64) _buffers.Add(buffer);
    }

    private KnownError RefusalWithoutPrimary(RoutedRequest request, ErrorCode code)
    {
        var missing = new List<MissingNode>();
        foreach (var replica in _topology.ReplicasOf(request.Partition))
            if (!_heartbeats.IsAlive(replica.Node)) missing.Add(new MissingNode(NameOf(replica.Node), "down"));
        var live = Topology.ReplicasPerPartition - missing.Count;
        var error = code == ErrorCode.NoQuorum && !request.NeedsMajority ? ErrorCode.Unavailable : code;
        if (error == ErrorCode.DeadlineExceeded && live < 2) error = request.NeedsMajority ? ErrorCode.NoQuorum : ErrorCode.Unavailable;
        return KnownError.Of(error, $"{live} of 3 replicas are reachable, 2 are needed to have a primary", missing);
    }

    private int LiveReplicas(PartitionId partition)
    {
        var live = 0;
        foreach (var replica in _topology.ReplicasOf(partition))
            if (_heartbeats.IsAlive(replica.Node)) live++;
        return live;
    }

    private bool Forward(RoutedRequest request, NodeId to)
    {
        var id = Interlocked.Increment(ref _nextForward);
        _forwarded[id] = (request, to);
        var sent = request.TryForward((type, deadlineNs, body) =>
        {
            var buffer = RentBuffer();
            ForwardCodec.WriteRequest(buffer, type, deadlineNs - NowNs, body);
            var ok = _context.Transport.TrySend(to, PeerLane.Log, PeerFrame.Forward, id, buffer.Written);
            ReturnBuffer(buffer);
            return ok;
        });
        if (!sent) _forwarded.TryRemove(id, out _);
        return sent;
    }

    private Shard ShardOf(PartitionId partition) => _shards[partition.Value % _shards.Count];

    private string NameOf(NodeId node) => _topology.Find(node)?.Name ?? node.ToString();

    /// <summary>Carries a reply back to the coordinator that forwarded the request.</summary>
    private sealed class PeerSink(Coordinator owner, NodeId peer) : IReplySink
    {
        public void Reply(ulong requestId, byte frameType, ReadOnlySpan<byte> body)
        {
            var buffer = owner.RentBuffer();
            ForwardCodec.WriteReply(buffer, frameType, body);
            owner._context.Transport.TrySend(peer, PeerLane.Log, PeerFrame.ForwardReply, requestId, buffer.Written);
            owner.ReturnBuffer(buffer);
        }
    }
}

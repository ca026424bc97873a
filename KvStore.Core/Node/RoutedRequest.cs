using KvStore.Core.Primitives;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Core.Node;

/// <summary>Where the answer to a request goes. Any thread; must not block; the body is copied before it returns. A closed connection swallows it.</summary>
public interface IReplySink
{
    void Reply(ulong requestId, FrameType type, ReadOnlySpan<byte> body);
}

/// <summary>
/// A request that belongs to one partition's primary: a write, or a read that needs it. It finds the primary, here or one hop away,
/// waits while there is none, and ends with exactly one reply.
/// </summary>
/// <remarks>
/// The outcome rules live here. A request is tried again only after a definite refusal: it never left this node, or the primary refused it
/// before it had an index. Once its frame was handed to a connection and that connection died, a write is "unknown" and never sent again;
/// a read has no effect and may be.
/// </remarks>
internal abstract class RoutedRequest
{
    private readonly IReplySink _sink;
    private readonly ulong _requestId;
    private readonly PooledBytes _body;
    private readonly Lock _gate = new();
    private bool _ended;

    protected RoutedRequest(Coordinator coordinator, in ClientRequest request, PartitionId partition)
    {
        Coordinator = coordinator;
        _sink = request.Sink;
        _requestId = request.Id;
        Type = request.Type;
        DeadlineNs = request.DeadlineNs;
        Forwarded = request.Forwarded;
        Partition = partition;
        StartedNs = coordinator.NowNs;
        _body = PooledBytes.CopyOf(request.Body);
    }

    public PartitionId Partition { get; }

    public FrameType Type { get; }

    /// <summary>When it must be answered (ns since boot).</summary>
    public long DeadlineNs { get; }

    public long StartedNs { get; }

    /// <summary>Came from another node, which asked this one as the primary: it is not passed on again.</summary>
    public bool Forwarded { get; }

    public bool IsWrite => Type == FrameType.Write;

    public abstract RequestKind Kind { get; }

    /// <summary>Needs two of three replicas: a strong write or a quorum read.</summary>
    public abstract bool NeedsMajority { get; }

    /// <summary>Waits, until its deadline, for a node that can answer; otherwise it is refused at once when there is none.</summary>
    public virtual bool MayWait => true;

    /// <summary>Counts as a request of its own in the metrics.</summary>
    protected virtual bool IsObserved => true;

    protected Coordinator Coordinator { get; }

    /// <summary>The node that must answer, as far as is known now; None if nobody can.</summary>
    public virtual NodeId TargetOf(Heartbeats heartbeats) => heartbeats.LeaderHint(Partition);

    /// <summary>Hands it to the primary on this node. False when the shard's queue is full.</summary>
    public bool TryRunHere(Shard shard)
    {
        // The gate keeps the body alive: a deadline may end the request on another thread meanwhile.
        lock (_gate) return _ended || RunHere(shard, _body.Span);
    }

    /// <summary>Hands it to the connection to another node. False when not a byte of it was or will be sent.</summary>
    public bool TryForward(IPeerTransport transport, NodeId to, ulong id, long nowNs)
    {
        lock (_gate)
        {
            if (_ended) return true;
            var buffer = Coordinator.RentBuffer();
            ForwardCodec.WriteRequest(buffer, Type, DeadlineNs - nowNs, _body.Span);
            var sent = transport.TrySend(to, PeerLane.Log, PeerFrame.Forward, id, buffer.Written);
            Coordinator.ReturnBuffer(buffer);
            return sent;
        }
    }

    /// <summary>Refused, without effect, because the node that was asked is not the primary: it may be sent elsewhere.</summary>
    public void OnNotPrimary(NodeId leader)
    {
        if (Forwarded) EndWithError(KvError.NotLeader, "this node is not the partition's primary", leader: leader);
        else Coordinator.Park(this);
    }

    /// <summary>Refused: it has no effect and never will.</summary>
    public void EndWithError(KvError code, string message, IReadOnlyList<MissingNode>? missing = null, NodeId leader = default, WireRevision? current = null) =>
        End(Replies.Refusal(code, message, IsWrite, Partition, missing, leader, current));

    /// <summary>No verdict: a write may be in effect, or come to be.</summary>
    public void EndUnknown(KvError code, string message) => End(Replies.NoVerdict(code, message, IsWrite, Partition));

    /// <summary>The reply, made here or passed on from the primary as it is.</summary>
    public void End(FrameType type, ReadOnlySpan<byte> reply, KvError error, Outcome outcome)
    {
        lock (_gate)
        {
            if (_ended) return;
            _ended = true;
            _body.Release();
        }

        _sink.Reply(_requestId, type, reply);
        if (IsObserved) Coordinator.Observe(Kind, NeedsMajority, error, outcome, StartedNs);
    }

    protected abstract bool RunHere(Shard shard, ReadOnlySpan<byte> body);

    private void End(ErrorReply error)
    {
        var buffer = Coordinator.RentBuffer();
        error.Encode(buffer);
        End(FrameType.Error, buffer.Written, error.Code, error.Outcome);
        Coordinator.ReturnBuffer(buffer);
    }
}

using KvStore.Core.Primitives;

namespace KvStore.Core.Node;

/// <summary>Where the answer to a request goes. Any thread; must not block; the body is copied before it returns. A closed connection swallows it.</summary>
public interface IReplySink
{
    void Reply(ulong requestId, byte frameType, ReadOnlySpan<byte> body);
}

/// <summary>
/// A request that belongs to one partition's primary: a write, or a quorum read of one key. It finds the primary, here or one hop away,
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
        FrameType = request.Type;
        DeadlineNs = request.DeadlineNs;
        Forwarded = request.Forwarded;
        Partition = partition;
        StartedNs = coordinator.NowNs;
        _body = PooledBytes.CopyOf(request.Body);
    }

    public PartitionId Partition { get; }

    public byte FrameType { get; }

    /// <summary>When it must be answered (ns since boot).</summary>
    public long DeadlineNs { get; }

    public long StartedNs { get; }

    /// <summary>Came from another node, which asked this one as the primary: it is not passed on again.</summary>
    public bool Forwarded { get; }

    /// <summary>A frame of it was handed to a connection, or its shard took it: no verdict by the deadline means unknown.</summary>
    public bool MayHaveEffect { get; private set; }

    public abstract bool IsWrite { get; }

    /// <summary>Needs two of three replicas: a strong write or a quorum read.</summary>
    public abstract bool NeedsMajority { get; }

    protected Coordinator Coordinator { get; }

    /// <summary>Hands it to the primary on this node. False when the shard's queue is full.</summary>
    public bool TryRunHere(Shard shard)
    {
        lock (_gate)
        {
            if (_ended) return true;
            MayHaveEffect = IsWrite;
            if (RunHere(shard, _body.Span)) return true;
            MayHaveEffect = false;
            return false;
        }
    }

    /// <summary>Hands it to the connection to another node. False when not a byte of it was or will be sent.</summary>
    public bool TryForward(Func<byte, long, ReadOnlySpan<byte>, bool> send)
    {
        lock (_gate)
        {
            if (_ended) return true;
            MayHaveEffect = IsWrite;
            if (send(FrameType, DeadlineNs, _body.Span)) return true;
            MayHaveEffect = false;
            return false;
        }
    }

    /// <summary>Refused, before it could have an effect, because the node that was asked is not the primary: it may be sent elsewhere.</summary>
    public void OnNotPrimary(NodeId leader)
    {
        lock (_gate) MayHaveEffect = false;
        if (Forwarded) EndWithError(KnownError.NotPrimary(leader));
        else Coordinator.Park(this);
    }

    public void EndWithError(in KnownError error)
    {
        var buffer = Coordinator.RentBuffer();
        Coordinator.WriteError(buffer, error);
        End(ClientCodec.ErrorType, buffer.Written, error.Code);
        Coordinator.ReturnBuffer(buffer);
    }

    /// <summary>The reply, made here or passed on from the primary as it is.</summary>
    public void End(byte type, ReadOnlySpan<byte> reply, ErrorCode code)
    {
        lock (_gate)
        {
            if (_ended) return;
            _ended = true;
        }

        _sink.Reply(_requestId, type, reply);
        _body.Release();
        Coordinator.OnEnded(this, code);
    }

    protected abstract bool RunHere(Shard shard, ReadOnlySpan<byte> body);
}

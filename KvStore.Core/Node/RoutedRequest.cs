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
internal abstract class RoutedRequest(Coordinator coordinator, IReplySink sink, ulong requestId, byte frameType, PooledBytes body, long deadlineNs, bool forwarded)
{
    private int _ended;

    public PartitionId Partition { get; protected init; }

    public long DeadlineNs { get; } = deadlineNs;

    public byte FrameType { get; } = frameType;

    public ReadOnlySpan<byte> Body => body.Span;

    /// <summary>Came from another node, which asked this one as the primary: it is not passed on again.</summary>
    public bool Forwarded { get; } = forwarded;

    public long StartedNs { get; } = coordinator.NowNs;

    /// <summary>A frame of it is on its way to another node.</summary>
    public bool InFlight { get; set; }

    public abstract bool IsWrite { get; }

    public abstract bool NeedsMajority { get; }

    protected Coordinator Coordinator { get; } = coordinator;

    /// <summary>Hands it to the partition's shard on this node. False when the shard's queue is full.</summary>
    public abstract bool RunHere(Shard shard);

    /// <summary>Refused before it had any effect because the node asked is not the primary: it may be sent elsewhere.</summary>
    protected void OnNotPrimary(NodeId leader)
    {
        if (Forwarded) EndWithError(KnownError.NotPrimary(leader));
        else Coordinator.Retry(this);
    }

    public void EndWithError(in KnownError error)
    {
        if (!TryEnd()) return;
        var buffer = Coordinator.RentBuffer();
        ClientCodec.WriteError(buffer, error, Coordinator);
        sink.Reply(requestId, ClientCodec.ErrorType, buffer.Written);
        Finish(buffer, error.Code);
    }

    /// <summary>The primary's reply, passed on as it is.</summary>
    public void EndWithReply(byte type, ReadOnlySpan<byte> reply)
    {
        if (!TryEnd()) return;
        sink.Reply(requestId, type, reply);
        Finish(null, type == ClientCodec.ErrorType ? ClientCodec.ErrorCodeOf(reply) : ErrorCode.None);
    }

    protected void EndWith(byte type, ByteBuffer reply)
    {
        if (!TryEnd()) return;
        sink.Reply(requestId, type, reply.Written);
        Finish(reply, ErrorCode.None);
    }

    private bool TryEnd() => Interlocked.Exchange(ref _ended, 1) == 0;

    private void Finish(ByteBuffer? buffer, ErrorCode code)
    {
        if (buffer is not null) Coordinator.ReturnBuffer(buffer);
        Coordinator.OnEnded(this, code);
        body.Release();
    }
}

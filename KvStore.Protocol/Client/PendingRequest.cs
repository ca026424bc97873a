using System.Collections.Concurrent;
using System.Threading.Tasks.Sources;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Client;

/// <summary>
/// A request that waits for its reply. Whoever takes it out of its connection's <see cref="PendingTable"/> completes it, exactly once, and must
/// not touch it afterwards: it may already be on its way with another request.
/// </summary>
internal abstract class PendingRequest
{
    private ulong _offset;

    public ulong Id { get; set; }

    public Deadline Deadline { get; set; }

    /// <summary>Where its frame begins in the connection's outgoing bytes; all of them were handed over up to some point.</summary>
    public ref ulong Offset => ref _offset;

    /// <summary>It holds a place among the few large requests.</summary>
    public bool IsLarge { get; set; }

    public CancellationTokenRegistration Registration { get; set; }

    /// <summary>Ends it with a reply frame, whose body is decoded before this returns.</summary>
    /// <exception cref="WireException">The reply does not follow the protocol; the request is still to be ended.</exception>
    public abstract void Complete(FrameType type, ReadOnlySpan<byte> body);

    public abstract void Fail(KvError failure, string message, bool sent);
}

/// <inheritdoc/>
internal sealed class PendingRequest<T> : PendingRequest, IValueTaskSource<Reply<T>>
{
    private const int PoolSize = 4096;
    private static readonly ConcurrentQueue<PendingRequest<T>> Pool = new();

    private ManualResetValueTaskSourceCore<Reply<T>> _source;
    private FrameType _requestType;
    private ReplyDecoder<T>? _decode;

    public ValueTask<Reply<T>> Task => new(this, _source.Version);

    public static PendingRequest<T> Rent(FrameType requestType, ReplyDecoder<T> decode, bool inline)
    {
        if (!Pool.TryDequeue(out var pending)) pending = new PendingRequest<T>();
        pending._requestType = requestType;
        pending._decode = decode;
        pending._source.RunContinuationsAsynchronously = !inline;
        return pending;
    }

    public override void Complete(FrameType type, ReadOnlySpan<byte> body)
    {
        Reply<T> reply;
        if (type == FrameType.Error) reply = Reply<T>.Refused(ErrorReply.Decode(body));
        else if ((byte)type == (byte)_requestType + 1) reply = _decode!(body);
        else throw new WireException(WireError.Malformed, $"a reply of type {(byte)type} to a request of type {(byte)_requestType}");
        Registration.Unregister();
        _source.SetResult(reply);
    }

    public override void Fail(KvError failure, string message, bool sent)
    {
        Registration.Unregister();
        _source.SetResult(Reply<T>.Failed(failure, message, sent));
    }

    public Reply<T> GetResult(short token)
    {
        var reply = _source.GetResult(token);
        _source.Reset();
        Registration = default;
        _decode = null;
        IsLarge = false;
        if (Pool.Count < PoolSize) Pool.Enqueue(this);
        return reply;
    }

    public ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);
}

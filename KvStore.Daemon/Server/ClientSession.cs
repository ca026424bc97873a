using KvStore.Core.Io;
using KvStore.Core.Node;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Daemon.Server;

/// <summary>One client connection after the handshake: requests in, replies out in any order.</summary>
internal sealed class ClientSession(FrameConnection connection, NodeHost host, IClock clock, bool compress) : IReplySink
{
    private const uint DefaultDeadlineMs = 5_000;

    /// <summary>No client can make a request live longer than this.</summary>
    private const uint LongestDeadlineMs = 3_600_000;

    private readonly FrameOptions _replyOptions = new(Compress: compress);
    private int _pending;

    public FrameConnection Connection => connection;

    /// <summary>Requests that are not answered.</summary>
    public int Pending => Volatile.Read(ref _pending);

    /// <summary>Any thread. The client may be gone: then nobody is waiting.</summary>
    public void Reply(ulong requestId, FrameType type, ReadOnlySpan<byte> body)
    {
        host.CountFrameSent();
        connection.TrySend(type, requestId, body, _replyOptions);
        Interlocked.Decrement(ref _pending);
    }

    /// <summary>Receives until the client leaves. While it leaves its answers unread it is not read from.</summary>
    public Task RunAsync() => connection.ReceiveAsync(Handle, HasRoom);

    private bool HasRoom() => Pending < Limits.PendingRequests && connection.PendingBytes < Limits.PendingReplyBytes;

    private bool Handle(in Frame frame)
    {
        host.CountFrameReceived();
        switch (frame.Type)
        {
            case FrameType.Ping:
                connection.TrySend(FrameType.Pong, frame.RequestId, default);
                return true;
            case FrameType.Pong:
                return true;
            case FrameType.Hello:
                ServerReplies.SendError(connection, 0, KvError.InvalidRequest, "a second Hello");
                return false;
        }

        Interlocked.Increment(ref _pending);
        using var body = FrameBody.Open(frame);
        var deadlineMs = frame.DeadlineMs == 0 ? DefaultDeadlineMs : Math.Min(frame.DeadlineMs, LongestDeadlineMs);
        host.Handle(new ClientRequest
        {
            Type = frame.Type,
            Id = frame.RequestId,
            DeadlineNs = clock.BootTimeNs + (deadlineMs * 1_000_000L),
            Body = body.Span,
            Sink = this,
        });
        return true;
    }
}

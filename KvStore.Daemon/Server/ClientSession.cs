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

    /// <summary>
    /// Reads whose answers would wait beyond this are refused instead: how large they are is known only when they are there, and requests that
    /// were taken while nothing waited could otherwise become 16 GiB.
    /// </summary>
    private const long MostUnreadBytes = 2L * Limits.PendingReplyBytes;

    private readonly FrameOptions _replyOptions = new(Compress: compress);
    private int _pending;
    private int _expectedReplyBytes;

    public FrameConnection Connection => connection;

    /// <summary>Requests that are not answered.</summary>
    public int Pending => Volatile.Read(ref _pending);

    /// <summary>Any thread. The client may be gone: then nobody is waiting.</summary>
    public void Reply(ulong requestId, FrameType type, ReadOnlySpan<byte> body)
    {
        host.CountFrameSent();

        // The largest of the latest answers. Two threads may lose one of their two; it is an estimate.
        var expected = Volatile.Read(ref _expectedReplyBytes);
        Volatile.Write(ref _expectedReplyBytes, Math.Max(body.Length, expected - (expected / 8)));
        if (type is FrameType.GetReply or FrameType.ScanReply && connection.PendingBytes + body.Length > MostUnreadBytes) Refuse(requestId);
        else connection.TrySend(type, requestId, body, _replyOptions);
        Interlocked.Decrement(ref _pending);
    }

    /// <summary>Receives until the client leaves. While it leaves its answers unread it is not read from.</summary>
    public Task RunAsync() => connection.ReceiveAsync(Handle, HasRoom);

    private bool HasRoom() =>
        Pending < Limits.PendingRequests && connection.PendingBytes + ((long)Pending * Volatile.Read(ref _expectedReplyBytes)) < Limits.PendingReplyBytes;

    private void Refuse(ulong requestId) => ServerReplies.SendError(
        connection, requestId, KvError.Overloaded, $"{connection.PendingBytes >> 20} MiB of answers wait to be read from this connection",
        "read answers as they come, or ask for less at a time", retryable: true);

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

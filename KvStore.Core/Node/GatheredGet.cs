using KvStore.Core.Primitives;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Core.Node;

/// <summary>A get of several keys that different nodes answer: one request per key, and one reply when the last answer is there. Each key has its own answer or error.</summary>
internal sealed class GatheredGet : IReplySink
{
    private readonly Coordinator _coordinator;
    private readonly IReplySink _sink;
    private readonly ulong _requestId;
    private readonly ReadResult[] _results;
    private int _left;
    private long _room = Limits.ReplyBytes;

    private GatheredGet(Coordinator coordinator, in ClientRequest request, int count)
    {
        _coordinator = coordinator;
        _sink = request.Sink;
        _requestId = request.Id;
        _results = new ReadResult[count];
        _left = count;
    }

    public static void Start(Coordinator coordinator, in ClientRequest request, in GetRequestView view)
    {
        var gathered = new GatheredGet(coordinator, request, view.Count);
        var position = 0UL;
        foreach (var key in view)
        {
            var body = coordinator.RentBuffer();
            GetRequest.Encode(body, view.Consistency, key.Key, key.AtLeast);
            coordinator.Submit(new ClientRequest
            {
                Type = FrameType.Get,
                Id = position++,
                DeadlineNs = request.DeadlineNs,
                Body = body.Written,
                Sink = gathered,
                Forwarded = request.Forwarded,
            });
            coordinator.ReturnBuffer(body);
        }
    }

    /// <summary>One key's answer; the request id is its position. Values beyond what one reply may hold are let go as they arrive.</summary>
    public void Reply(ulong requestId, FrameType type, ReadOnlySpan<byte> body)
    {
        if (type != FrameType.GetReply || !Replies.TryRead(body, GetReply.DecodeSingle, out var result)) result = Failed(Replies.ErrorOf(type, body));
        _results[requestId] = Interlocked.Add(ref _room, -result.Value.Length) >= 0
            ? result
            : result with { Found = false, Error = KvError.TooLarge, Value = "the values of one reply are above 16 MiB together"u8.ToArray() };
        if (Interlocked.Decrement(ref _left) > 0) return;
        var buffer = _coordinator.RentBuffer();
        GetReply.Encode(buffer, _results);
        _sink.Reply(_requestId, FrameType.GetReply, buffer.Written);
        _coordinator.ReturnBuffer(buffer);
    }

    private static ReadResult Failed(ErrorReply error) => new()
    {
        Found = false,
        Error = error.Code,
        Partition = error.Partition ?? 0,
        Value = System.Text.Encoding.UTF8.GetBytes(error.Message),
    };
}

using KvStore.Protocol.Messages;

namespace KvStore.Protocol.Client;

/// <summary>
/// Reads reply bodies. The one answer of a single operation is turned into the request's own failure when it carries an error, so that the same
/// rules decide about another attempt.
/// </summary>
internal static class ReplyDecoders
{
    public static Reply<WriteResult> Write(ReadOnlySpan<byte> body)
    {
        var result = WriteReply.DecodeSingle(body);
        if (result.Error == KvError.None) return Reply<WriteResult>.From(result);
        return Reply<WriteResult>.Refused(new ErrorReply
        {
            Code = result.Error,
            Outcome = result.Outcome,
            Message = result.Message ?? "",
            Partition = result.Partition,
            Retryable = IsTransient(result.Error),
            CurrentRevision = result.Error == KvError.ConditionFailed ? result.Revision : null,
        });
    }

    public static Reply<ReadResult> Get(ReadOnlySpan<byte> body)
    {
        var result = GetReply.DecodeSingle(body);
        if (result.Error == KvError.None) return Reply<ReadResult>.From(result);
        return Reply<ReadResult>.Refused(new ErrorReply
        {
            Code = result.Error,
            Message = result.ErrorMessage,
            Partition = result.Partition,
            Retryable = IsTransient(result.Error),
        });
    }

    public static Reply<WriteResult[]> Batch(ReadOnlySpan<byte> body) => Reply<WriteResult[]>.From(WriteReply.Decode(body));

    public static Reply<ReadResult[]> MultiGet(ReadOnlySpan<byte> body) => Reply<ReadResult[]>.From(GetReply.Decode(body));

    public static Reply<ScanPage> Scan(ReadOnlySpan<byte> body) => Reply<ScanPage>.From(ScanReply.Decode(body));

    public static Reply<TopologyReply> Topology(ReadOnlySpan<byte> body) => Reply<TopologyReply>.From(TopologyReply.Decode(body));

    public static Reply<StatusReply> Status(ReadOnlySpan<byte> body) => Reply<StatusReply>.From(StatusReply.Decode(body));

    public static Reply<ExplainReply> Explain(ReadOnlySpan<byte> body) => Reply<ExplainReply>.From(ExplainReply.Decode(body));

    public static Reply<InitReply> Init(ReadOnlySpan<byte> body) => Reply<InitReply>.From(InitReply.Decode(body));

    private static bool IsTransient(KvError error) => error is
        KvError.NotLeader or KvError.Overloaded or KvError.ShuttingDown or KvError.Unavailable or KvError.NoQuorum or KvError.DeadlineExceeded;
}

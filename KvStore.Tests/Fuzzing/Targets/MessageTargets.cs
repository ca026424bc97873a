using KvStore.Protocol.Client;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using KvStore.Tests.Protocol.Messages;

namespace KvStore.Tests.Fuzzing.Targets;

/// <summary>The bodies of all requests and replies. Their decoders throw <see cref="WireException"/> and nothing else.</summary>
internal static class MessageTargets
{
    private static readonly Dictionary<string, string[]> Decoders = new()
    {
        ["Hello"] = [$"{nameof(Hello)}.{nameof(Hello.Decode)}"],
        ["HelloAck"] = [$"{nameof(HelloAck)}.{nameof(HelloAck.Decode)}"],
        ["Error"] = [$"{nameof(ErrorReply)}.{nameof(ErrorReply.Decode)}", "ConsistencyNames.ReadOutcome"],
        ["Write"] = [$"{nameof(WriteRequestView)}.{nameof(WriteRequestView.Decode)}", "WriteCondition.Read", "ConsistencyNames.ReadWriteMode"],
        ["WriteReply"] = [$"{nameof(WriteReply)}.{nameof(WriteReply.Decode)}", "NodeList.Read"],
        ["Get"] = [$"{nameof(GetRequestView)}.{nameof(GetRequestView.Decode)}", "ConsistencyNames.ReadReadConsistency"],
        ["GetReply"] = [$"{nameof(GetReply)}.{nameof(GetReply.Decode)}", "WireRevision.Read"],
        ["Scan"] = [$"{nameof(ScanRequest)}.{nameof(ScanRequest.Decode)}"],
        ["ScanReply"] = [$"{nameof(ScanReply)}.{nameof(ScanReply.Decode)}"],
        ["Init"] = [$"{nameof(InitRequest)}.{nameof(InitRequest.Decode)}"],
        ["InitReply"] = [$"{nameof(InitReply)}.{nameof(InitReply.Decode)}"],
        ["TopologyReply"] = [$"{nameof(TopologyReply)}.{nameof(TopologyReply.Decode)}"],
        ["StatusReply"] = [$"{nameof(StatusReply)}.{nameof(StatusReply.Decode)}"],
        ["Explain"] = [$"{nameof(ExplainRequest)}.{nameof(ExplainRequest.Decode)}"],
        ["ExplainReply"] = [$"{nameof(ExplainReply)}.{nameof(ExplainReply.Decode)}", "ExplainReplica.Read"],
    };

    public static IEnumerable<IDecoderTarget> All =>
    [
        .. RandomMessages.All.Select(message => Target($"message-{message.Name}", Decoders[message.Name], message.Make, b => message.Again(b), roundTrips: true)),
        Target("message-Write-check", ["WriteRequestView.Check", "WriteRequestView.First"], Valid("Write"), CheckWrite),
        Target("message-Get-check", ["GetRequestView.Check", "GetRequestView.First"], Valid("Get"), CheckGet),
        Target("message-Scan-check", ["ScanRequest.Check"], Valid("Scan"), b => [(byte)ScanRequest.Decode(b.Span).Check(out _)]),
        Target("message-WriteReply-single", [$"{nameof(WriteReply)}.{nameof(WriteReply.DecodeSingle)}", "ReplyDecoders.Write"], OneResult, ReadOneResult),
        Target("message-GetReply-single", [$"{nameof(GetReply)}.{nameof(GetReply.DecodeSingle)}", "ReplyDecoders.Get"], OneAnswer, ReadOneAnswer),
    ];

    private static DecoderTarget Target(string name, string[] covers, Func<Random, byte[]> valid, Func<ReadOnlyMemory<byte>, byte[]> read, bool roundTrips = false) => new()
    {
        Name = name,
        Covers = covers,
        Valid = valid,
        Read = body => Decoded.Of(read(body)),
        Refuses = [typeof(WireException)],
        RoundTrips = roundTrips,
    };

    private static Func<Random, byte[]> Valid(string name) => RandomMessages.All.Single(message => message.Name == name).Make;

    private static byte[] CheckWrite(ReadOnlyMemory<byte> body)
    {
        var view = WriteRequestView.Decode(body.Span);
        return [(byte)view.Check(out _), (byte)view.Count, (byte)view.First.Key.Length, (byte)view.First.Condition.Kind];
    }

    private static byte[] CheckGet(ReadOnlyMemory<byte> body)
    {
        var view = GetRequestView.Decode(body.Span);
        return [(byte)view.Check(out _), (byte)view.Count, (byte)view.First.Key.Length];
    }

    private static byte[] OneResult(Random random) => RandomMessages.Bytes(o => WriteReply.Encode(o, WriteMode.Strong, [RandomMessages.RandomWriteResult(random)]));

    private static byte[] ReadOneResult(ReadOnlyMemory<byte> body)
    {
        var result = WriteReply.DecodeSingle(body.Span);
        ReplyDecoders.Write(body.Span);
        return RandomMessages.Bytes(o => WriteReply.Encode(o, result));
    }

    private static byte[] OneAnswer(Random random) => RandomMessages.Bytes(o => GetReply.Encode(o, [RandomMessages.RandomReadResult(random)]));

    private static byte[] ReadOneAnswer(ReadOnlyMemory<byte> body)
    {
        var answer = GetReply.DecodeSingle(body.Span);
        ReplyDecoders.Get(body.Span);
        return RandomMessages.Bytes(o => GetReply.Encode(o, [answer]));
    }
}

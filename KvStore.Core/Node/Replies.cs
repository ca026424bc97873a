using System.Diagnostics.CodeAnalysis;
using KvStore.Core.Primitives;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Core.Node;

/// <summary>Puts what the node knows into the words of the client protocol.</summary>
internal static class Replies
{
    public static WireRevision ToWire(this Revision revision) => new(
        revision.Version.Term.Value, revision.Version.Index.Value, revision.Timestamp.Ticks, revision.Timestamp.Node.Value);

    public static Revision FromWire(this WireRevision revision) => new(
        new Primitives.Version(new Term(revision.Term), new LogIndex(revision.Index)), new HybridTimestamp(revision.Ticks, new NodeId(revision.Node)));

    /// <summary>An error after which the request has no effect and never will.</summary>
    public static ErrorReply Refusal(
        KvError code, string message, bool isWrite, PartitionId? partition = null, IReadOnlyList<MissingNode>? missing = null, NodeId leader = default,
        WireRevision? current = null) => new()
        {
            Code = code,
            Message = message,
            Advice = AdviceFor(code),
            Outcome = isWrite ? Outcome.NotApplied : Outcome.None,
            Retryable = IsRetryable(code),
            Partition = partition?.Value,
            Leader = leader.Value,
            Missing = missing ?? [],
            CurrentRevision = current,
        };

    /// <summary>An error after which a write may be in effect, or come to be.</summary>
    public static ErrorReply NoVerdict(KvError code, string message, bool isWrite, PartitionId partition) => new()
    {
        Code = code,
        Message = message,
        Advice = isWrite ? "read the key with --quorum to see whether the write took effect" : "",
        Outcome = isWrite ? Outcome.Unknown : Outcome.None,
        Retryable = !isWrite,
        Partition = partition.Value,
    };

    private static bool IsRetryable(KvError code) =>
        code is KvError.NotLeader or KvError.NoQuorum or KvError.Unavailable or KvError.Overloaded or KvError.DiskFull or KvError.ShuttingDown
            or KvError.DeadlineExceeded;

    private static string AdviceFor(KvError code) => code switch
    {
        KvError.NoQuorum => "start the missing nodes or wait for them; local reads still answer",
        KvError.Unavailable => "start the missing nodes or wait for them",
        KvError.Overloaded => "send less at a time, or try again later",
        KvError.DiskFull => "free space on the node's disk: writes resume by themselves",
        KvError.ConditionFailed => "read the record and decide anew",
        KvError.DeadlineExceeded => "try again, or with a longer --timeout",
        KvError.NotInitialized => "form a cluster with: kvctl cluster init --nodes A,B,C",
        KvError.TooLarge => "split the request",
        KvError.ShuttingDown => "ask another node",
        _ => "",
    };

    /// <summary>Decodes what another node answered; false if it is malformed. Whoever waits for the answer must hear something either way.</summary>
    public static bool TryRead<T>(ReadOnlySpan<byte> body, BodyDecoder<T> decode, [MaybeNullWhen(false)] out T value)
    {
        try
        {
            value = decode(body);
            return true;
        }
        catch (WireException)
        {
            value = default;
            return false;
        }
    }

    /// <summary>Why another node's answer is of no use: the error that it is, or that it cannot be read.</summary>
    public static ErrorReply ErrorOf(FrameType type, ReadOnlySpan<byte> body) =>
        type == FrameType.Error && TryRead(body, ErrorReply.Decode, out var error)
            ? error
            : new ErrorReply { Code = KvError.Internal, Message = "the answer of another node cannot be read", Retryable = true };

    /// <summary>A decoder of messages: throws <see cref="WireException"/> and nothing else.</summary>
    public delegate T BodyDecoder<T>(ReadOnlySpan<byte> body);
}

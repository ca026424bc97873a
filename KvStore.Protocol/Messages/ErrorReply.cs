using System.Buffers;
using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Messages;

/// <summary>A replica that was needed and did not take part. The reason is one lower-case word: <c>down</c>, <c>no_answer</c>, <c>disk_full</c>, <c>fenced</c> ...</summary>
public readonly record struct MissingNode(ushort Node, string Reason);

/// <summary>
/// Why a request failed, and for a write what is known of its effect.
/// <code>
/// u16 code, u8 outcome, u8 flags (1 retryable, 2 a partition is named, 4 a current revision is given)
/// u16 partition, u16 leader (0 unknown), revision current, string message, string advice
/// u16 count of missing nodes, each: u16 node, string reason
/// </code>
/// </summary>
public sealed record ErrorReply
{
    private const int MaxTextChars = 1000;

    public required KvError Code { get; init; }

    /// <summary>For a person: one sentence, no secrets.</summary>
    public required string Message { get; init; }

    /// <summary>What to do about it; may be empty.</summary>
    public string Advice { get; init; } = "";

    /// <summary><see cref="Outcome.None"/> unless the request was a write.</summary>
    public Outcome Outcome { get; init; }

    /// <summary>The same request may succeed later without anybody changing it.</summary>
    public bool Retryable { get; init; }

    public ushort? Partition { get; init; }

    /// <summary>The primary as the answering node believes; 0 = unknown.</summary>
    public ushort Leader { get; init; }

    /// <summary>With <see cref="KvError.ConditionFailed"/>: the record's revision, <see cref="WireRevision.None"/> = there is no record.</summary>
    public WireRevision? CurrentRevision { get; init; }

    public IReadOnlyList<MissingNode> Missing { get; init; } = [];

    public void Encode(IBufferWriter<byte> output)
    {
        var writer = new WireWriter(output);
        writer.UInt16((ushort)Code);
        writer.UInt8((byte)Outcome);
        writer.UInt8((byte)((Retryable ? 1 : 0) | (Partition is null ? 0 : 2) | (CurrentRevision is null ? 0 : 4)));
        writer.UInt16(Partition ?? 0);
        writer.UInt16(Leader);
        (CurrentRevision ?? WireRevision.None).Write(ref writer);
        writer.String(Clip(Message));
        writer.String(Clip(Advice));
        writer.Count(Missing.Count);
        foreach (var missing in Missing)
        {
            writer.UInt16(missing.Node);
            writer.String(Clip(missing.Reason));
        }

        writer.Complete();
    }

    /// <exception cref="WireException">Truncated or malformed.</exception>
    public static ErrorReply Decode(ReadOnlySpan<byte> body)
    {
        var reader = new WireReader(body);
        var code = (KvError)reader.ReadUInt16();
        var outcome = reader.ReadOutcome();
        var flags = reader.ReadUInt8();
        var partition = reader.ReadUInt16();
        var leader = reader.ReadUInt16();
        var revision = WireRevision.Read(ref reader);
        var message = reader.ReadString();
        var advice = reader.ReadString();
        var missing = new MissingNode[reader.ReadCount(4, 1000)];
        for (var i = 0; i < missing.Length; i++) missing[i] = new MissingNode(reader.ReadUInt16(), reader.ReadString());
        return new ErrorReply
        {
            Code = code,
            Outcome = outcome,
            Retryable = (flags & 1) != 0,
            Partition = (flags & 2) != 0 ? partition : null,
            CurrentRevision = (flags & 4) != 0 ? revision : null,
            Leader = leader,
            Message = message,
            Advice = advice,
            Missing = missing,
        };
    }

    // An error must be sendable whatever its text holds.
    private static string Clip(string text)
    {
        if (text.Length <= MaxTextChars) return text;
        return text[..(char.IsHighSurrogate(text[MaxTextChars - 1]) ? MaxTextChars - 1 : MaxTextChars)];
    }
}

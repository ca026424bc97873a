using System.Buffers;
using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Messages;

/// <summary>
/// The reply to a get: one answer for each key, in their order.
/// <code>
/// u16 count
/// each: u16 error (0 none), u8 flags (1 found, 2 detached, 4 a staleness bound is known, 8 from the primary, 16 expires),
///       u8 achieved consistency, u16 served by, u16 partition, revision, u64 expires at ms, u64 staleness ms,
///       u32 n + n bytes value (with an error: its message in UTF-8)
/// </code>
/// When the values together pass <see cref="Limits.ReplyBytes"/>, the keys that no longer fit are answered <c>too_large</c>.
/// </summary>
public static class GetReply
{
    private const int AnswerMinSize = 2 + 1 + 1 + 2 + 2 + WireRevision.Size + 8 + 8 + 4;

    /// <summary>Starts a reply of <paramref name="count"/> answers, each to be added by <see cref="Append"/>; then <see cref="WireWriter.Complete"/>.</summary>
    public static WireWriter Begin(IBufferWriter<byte> output, int count)
    {
        var writer = new WireWriter(output);
        writer.Count(count);
        return writer;
    }

    /// <summary>Adds one answer. The value is <paramref name="value"/>, from wherever it lies; <see cref="ReadResult.Value"/> is not looked at.</summary>
    public static void Append(ref WireWriter writer, in ReadResult result, ReadOnlySpan<byte> value)
    {
        writer.UInt16((ushort)result.Error);
        writer.UInt8(FlagsOf(result));
        writer.UInt8((byte)result.Achieved);
        writer.UInt16(result.ServedBy);
        writer.UInt16(result.Partition);
        result.Revision.Write(ref writer);
        writer.UInt64(result.ExpiresAtMs ?? 0);
        writer.UInt64(result.StalenessMs ?? 0);
        writer.Bytes32(value);
    }

    public static void Encode(IBufferWriter<byte> output, ReadOnlySpan<ReadResult> results)
    {
        var writer = Begin(output, results.Length);
        foreach (ref readonly var result in results) Append(ref writer, result, result.Value.Span);
        writer.Complete();
    }

    /// <summary>Reads a reply to one key; allocates the value alone.</summary>
    /// <exception cref="WireException">Malformed, or not exactly one answer.</exception>
    public static ReadResult DecodeSingle(ReadOnlySpan<byte> body)
    {
        var reader = new WireReader(body);
        var count = reader.ReadCount(AnswerMinSize);
        return count == 1 ? ReadAnswer(ref reader) : throw new WireException(WireError.Malformed, $"{count} answers where one was due");
    }

    /// <exception cref="WireException">Truncated or malformed.</exception>
    public static ReadResult[] Decode(ReadOnlySpan<byte> body)
    {
        var reader = new WireReader(body);
        var results = new ReadResult[reader.ReadCount(AnswerMinSize, Limits.GetKeys)];
        for (var i = 0; i < results.Length; i++) results[i] = ReadAnswer(ref reader);
        return results;
    }

    private static byte FlagsOf(in ReadResult result) => (byte)(
        (result.Found ? 1 : 0) | (result.Detached ? 2 : 0) | (result.StalenessMs is null ? 0 : 4) | (result.FromPrimary ? 8 : 0)
        | (result.ExpiresAtMs is null ? 0 : 16));

    private static ReadResult ReadAnswer(ref WireReader reader)
    {
        var error = (KvError)reader.ReadUInt16();
        var flags = reader.ReadUInt8();
        var achieved = (ReadConsistency)reader.ReadUInt8();
        var servedBy = reader.ReadUInt16();
        var partition = reader.ReadUInt16();
        var revision = WireRevision.Read(ref reader);
        var expiresAtMs = reader.ReadUInt64();
        var stalenessMs = reader.ReadUInt64();
        return new ReadResult
        {
            Error = error,
            Found = (flags & 1) != 0,
            Detached = (flags & 2) != 0,
            StalenessMs = (flags & 4) != 0 ? stalenessMs : null,
            FromPrimary = (flags & 8) != 0,
            ExpiresAtMs = (flags & 16) != 0 ? expiresAtMs : null,
            Achieved = achieved,
            ServedBy = servedBy,
            Partition = partition,
            Revision = revision,
            Value = reader.ReadBytes32().ToArray(),
        };
    }
}

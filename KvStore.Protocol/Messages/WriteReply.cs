using System.Buffers;
using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Messages;

/// <summary>
/// The reply to a write: one result for each operation, in their order.
/// <code>
/// u8 requested mode, u16 count
/// each: u16 error (0 none), u8 outcome, u8 achieved mode, u8 flags (1 detached, 2 existed), u16 partition, u16 primary,
///       revision, u8 n + n x u16 acked by, string message (empty without error)
/// </code>
/// </summary>
public static class WriteReply
{
    private const int ResultMinSize = 2 + 1 + 1 + 1 + 2 + 2 + WireRevision.Size + 1 + 2;

    public static void Encode(IBufferWriter<byte> output, in WriteResult result)
    {
        var writer = new WireWriter(output);
        writer.UInt8((byte)result.Requested);
        writer.Count(1);
        Append(ref writer, result);
        writer.Complete();
    }

    public static void Encode(IBufferWriter<byte> output, WriteMode requested, ReadOnlySpan<WriteResult> results)
    {
        var writer = new WireWriter(output);
        writer.UInt8((byte)requested);
        writer.Count(results.Length);
        foreach (ref readonly var result in results) Append(ref writer, result);
        writer.Complete();
    }

    /// <summary>Reads a reply to one operation without allocating.</summary>
    /// <exception cref="WireException">Malformed, or not exactly one result.</exception>
    public static WriteResult DecodeSingle(ReadOnlySpan<byte> body)
    {
        var reader = new WireReader(body);
        var requested = reader.ReadWriteMode();
        var count = reader.ReadCount(ResultMinSize);
        return count == 1 ? ReadResult(ref reader, requested) : throw new WireException(WireError.Malformed, $"{count} results where one was due");
    }

    /// <exception cref="WireException">Truncated or malformed.</exception>
    public static WriteResult[] Decode(ReadOnlySpan<byte> body)
    {
        var reader = new WireReader(body);
        var requested = reader.ReadWriteMode();
        var results = new WriteResult[reader.ReadCount(ResultMinSize, Limits.BatchOperations)];
        for (var i = 0; i < results.Length; i++) results[i] = ReadResult(ref reader, requested);
        return results;
    }

    private static void Append(ref WireWriter writer, in WriteResult result)
    {
        writer.UInt16((ushort)result.Error);
        writer.UInt8((byte)result.Outcome);
        writer.UInt8((byte)result.Achieved);
        writer.UInt8((byte)((result.Detached ? 1 : 0) | (result.Existed ? 2 : 0)));
        writer.UInt16(result.Partition);
        writer.UInt16(result.Primary);
        result.Revision.Write(ref writer);
        result.AckedBy.Write(ref writer);
        writer.String(result.Message ?? "");
    }

    private static WriteResult ReadResult(ref WireReader reader, WriteMode requested)
    {
        var error = (KvError)reader.ReadUInt16();
        var outcome = reader.ReadOutcome();
        var achieved = (WriteMode)reader.ReadUInt8();
        var flags = reader.ReadUInt8();
        return new WriteResult
        {
            Requested = requested,
            Error = error,
            Outcome = outcome,
            Achieved = achieved,
            Detached = (flags & 1) != 0,
            Existed = (flags & 2) != 0,
            Partition = reader.ReadUInt16(),
            Primary = reader.ReadUInt16(),
            Revision = WireRevision.Read(ref reader),
            AckedBy = NodeList.Read(ref reader),
            Message = reader.ReadString(),
        };
    }
}

using System.Buffers;
using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Messages;

/// <summary>
/// The reply to a scan. The records come first and end with a key length of 0, so that a server can write them as it finds them.
/// <code>
/// each record: u16 key length (1 or more), u32 value length, revision, u64 expires at ms (0 never), key, value
/// u16 0
/// u8 flags (1 more, 2 a staleness bound is known, 4 detached), u8 achieved consistency, u64 staleness ms,
/// u16 n + n bytes cursor, u16 count of servers, each: u16 node, u16 partitions
/// </code>
/// </summary>
public static class ScanReply
{
    public static void AppendRecord(ref WireWriter writer, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, in WireRevision revision, ulong? expiresAtMs)
    {
        writer.UInt16(checked((ushort)key.Length));
        writer.UInt32((uint)value.Length);
        revision.Write(ref writer);
        writer.UInt64(expiresAtMs ?? 0);
        writer.Bytes(key);
        writer.Bytes(value);
    }

    /// <summary>Ends the records and adds all of <paramref name="page"/> but them. Then <see cref="WireWriter.Complete"/>.</summary>
    public static void End(ref WireWriter writer, ScanPage page)
    {
        writer.UInt16(0);
        writer.UInt8((byte)((page.More ? 1 : 0) | (page.StalenessMs is null ? 0 : 2) | (page.Detached ? 4 : 0)));
        writer.UInt8((byte)page.Achieved);
        writer.UInt64(page.StalenessMs ?? 0);
        writer.Bytes16(page.Cursor.Span);
        writer.Count(page.Served.Count);
        foreach (var server in page.Served)
        {
            writer.UInt16(server.Node);
            writer.UInt16(server.Partitions);
        }
    }

    public static void Encode(IBufferWriter<byte> output, ScanPage page)
    {
        var writer = new WireWriter(output);
        foreach (var record in page.Records) AppendRecord(ref writer, record.Key.Span, record.Value.Span, record.Revision, record.ExpiresAtMs);
        End(ref writer, page);
        writer.Complete();
    }

    /// <summary>Copies the body once; keys and values are slices of that copy.</summary>
    /// <exception cref="WireException">Truncated or malformed.</exception>
    public static ScanPage Decode(ReadOnlySpan<byte> body)
    {
        var copy = body.ToArray();
        var reader = new WireReader(copy);
        var records = new List<ScanRecord>();
        while (reader.ReadUInt16() is > 0 and var keyLength)
        {
            if (records.Count == Limits.ScanRecords) throw new WireException(WireError.Malformed, $"a page of more than {Limits.ScanRecords} records");
            var valueLength = reader.ReadUInt32();
            var revision = WireRevision.Read(ref reader);
            var expiresAtMs = reader.ReadUInt64();
            var key = copy.AsMemory(reader.Position, reader.ReadBytes(keyLength).Length);
            var value = copy.AsMemory(reader.Position, reader.ReadBytes((int)Math.Min(valueLength, int.MaxValue)).Length);
            records.Add(new ScanRecord(key, value, revision, expiresAtMs == 0 ? null : expiresAtMs));
        }

        return ReadTail(ref reader, copy, records);
    }

    private static ScanPage ReadTail(ref WireReader reader, byte[] copy, List<ScanRecord> records)
    {
        var flags = reader.ReadUInt8();
        var achieved = reader.ReadReadConsistency();
        var stalenessMs = reader.ReadUInt64();
        var cursorLength = reader.ReadUInt16();
        var cursor = copy.AsMemory(reader.Position, reader.ReadBytes(cursorLength).Length);
        var served = new ScanServer[reader.ReadCount(4, 1000)];
        for (var i = 0; i < served.Length; i++) served[i] = new ScanServer(reader.ReadUInt16(), reader.ReadUInt16());
        return new ScanPage
        {
            Records = records,
            More = (flags & 1) != 0,
            StalenessMs = (flags & 2) != 0 ? stalenessMs : null,
            Detached = (flags & 4) != 0,
            Achieved = achieved,
            Cursor = cursor,
            Served = served,
        };
    }
}

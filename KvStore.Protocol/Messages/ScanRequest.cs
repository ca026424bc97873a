using System.Buffers;
using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Messages;

/// <summary>
/// Asks for one page of records in key order, across partitions.
/// <code>
/// u8 consistency, u8 flags (1 keys only), u32 limit of records, u32 limit of bytes,
/// u16 n + n bytes prefix, start, end, cursor (each)
/// </code>
/// </summary>
public sealed record ScanRequest
{
    public ReadConsistency Consistency { get; init; } = ReadConsistency.Local;

    /// <summary>Values are left out (empty).</summary>
    public bool KeysOnly { get; init; }

    /// <summary>Records of the page, 1 to <see cref="Limits.ScanRecords"/>.</summary>
    public uint LimitRecords { get; init; } = 1000;

    /// <summary>Keys and values of the page together, 1 to <see cref="Limits.ReplyBytes"/>; a page holds at least one record.</summary>
    public uint LimitBytes { get; init; } = 1 << 20;

    public ReadOnlyMemory<byte> Prefix { get; init; }

    /// <summary>The first key that may appear; empty = from the beginning.</summary>
    public ReadOnlyMemory<byte> Start { get; init; }

    /// <summary>The first key that may not appear; empty = to the end.</summary>
    public ReadOnlyMemory<byte> End { get; init; }

    /// <summary>As the page before gave it; empty = the first page. Opaque, bound to the other fields.</summary>
    public ReadOnlyMemory<byte> Cursor { get; init; }

    public void Encode(IBufferWriter<byte> output)
    {
        var writer = new WireWriter(output);
        writer.UInt8((byte)Consistency);
        writer.Bool(KeysOnly);
        writer.UInt32(LimitRecords);
        writer.UInt32(LimitBytes);
        writer.Bytes16(Prefix.Span);
        writer.Bytes16(Start.Span);
        writer.Bytes16(End.Span);
        writer.Bytes16(Cursor.Span);
        writer.Complete();
    }

    /// <exception cref="WireException">Truncated or malformed. Limits are not judged here: see <see cref="Check"/>.</exception>
    public static ScanRequest Decode(ReadOnlySpan<byte> body)
    {
        var reader = new WireReader(body);
        return new ScanRequest
        {
            Consistency = reader.ReadReadConsistency(),
            KeysOnly = reader.ReadBool(),
            LimitRecords = reader.ReadUInt32(),
            LimitBytes = reader.ReadUInt32(),
            Prefix = reader.ReadBytes16().ToArray(),
            Start = reader.ReadBytes16().ToArray(),
            End = reader.ReadBytes16().ToArray(),
            Cursor = reader.ReadBytes16().ToArray(),
        };
    }

    /// <summary>Judges the request by the contract's limits.</summary>
    /// <returns><see cref="KvError.None"/>, <see cref="KvError.TooLarge"/> or <see cref="KvError.InvalidRequest"/>.</returns>
    public KvError Check(out string message)
    {
        message = "";
        if (LimitRecords == 0 || LimitBytes == 0)
        {
            message = "the limits of a scan page are at least 1";
            return KvError.InvalidRequest;
        }

        if (LimitRecords > Limits.ScanRecords) message = $"a page of {LimitRecords} records is above {Limits.ScanRecords}";
        if (LimitBytes > Limits.ReplyBytes) message = $"a page of {LimitBytes} bytes is above {Limits.ReplyBytes}";
        if (Math.Max(Prefix.Length, Math.Max(Start.Length, End.Length)) > Limits.KeyBytes) message = $"a bound is longer than a key may be ({Limits.KeyBytes})";
        if (Cursor.Length > Limits.CursorBytes) message = "the cursor is too long to be one of ours";
        return message.Length == 0 ? KvError.None : KvError.TooLarge;
    }
}

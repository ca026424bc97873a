using System.Buffers.Binary;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Wal;

/// <summary>
/// What a batch starts with. A batch is accepted whole or not at all: the checksum covers the header and every record.
/// <code>
///  0 u32 magic "KVWB"        8 u64 checksum (XXH3-64, seed = incarnation) of bytes 16 to the end
///  4 u32 length of records  16 u64 segment number    24 u64 epoch
/// 32 u64 first LSN          40 u64 durable LSN       48 u32 record count   52 u32 page number in the segment
/// </code>
/// </summary>
internal readonly record struct BatchHeader(ulong Segment, ulong Epoch, Lsn FirstLsn, Lsn Durable, int Records, int Page, int BodyBytes)
{
    public const int Bytes = 56;
    private const uint Magic = 0x4257564B;
    private const int ChecksumFrom = 16;

    /// <summary>The last LSN up to and including this batch; a mark, which has no records, ends where the batch before it does.</summary>
    public Lsn LastLsn => new(FirstLsn.Value + (ulong)Records - 1);

    public int TotalBytes => Bytes + BodyBytes;

    /// <summary>Writes the header in front of the records that are already in <paramref name="batch"/>, which is exactly header and records.</summary>
    public void Write(Span<byte> batch, ulong incarnation)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(batch, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(batch[4..], BodyBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(batch[16..], Segment);
        BinaryPrimitives.WriteUInt64LittleEndian(batch[24..], Epoch);
        BinaryPrimitives.WriteUInt64LittleEndian(batch[32..], FirstLsn.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(batch[40..], Durable.Value);
        BinaryPrimitives.WriteInt32LittleEndian(batch[48..], Records);
        BinaryPrimitives.WriteInt32LittleEndian(batch[52..], Page);
        BinaryPrimitives.WriteUInt64LittleEndian(batch[8..], Checksum(batch, incarnation));
    }

    /// <summary>
    /// Reads a header that claims to stand at <paramref name="offset"/> of the given segment. False for anything else: zeros, an older
    /// use of the file, another epoch, a length past <paramref name="segmentBytes"/>. The checksum is not looked at.
    /// </summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, in SegmentHeader segment, int offset, int segmentBytes, out BatchHeader header)
    {
        header = default;
        if (bytes.Length < Bytes || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic) return false;
        header = new BatchHeader(
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]),
            new Lsn(BinaryPrimitives.ReadUInt64LittleEndian(bytes[32..])),
            new Lsn(BinaryPrimitives.ReadUInt64LittleEndian(bytes[40..])),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[48..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[52..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]));
        return header.Segment == segment.Number && header.Epoch == segment.Epoch && header.Page == offset / WalFormat.PageBytes
            && header.Records >= 0 && header.BodyBytes >= 0 && header.BodyBytes <= segmentBytes - offset - Bytes;
    }

    /// <summary>Whether header and records are as they were written; <paramref name="batch"/> is exactly header and records.</summary>
    public static bool IsIntact(ReadOnlySpan<byte> batch, ulong incarnation) =>
        BinaryPrimitives.ReadUInt64LittleEndian(batch[8..]) == Checksum(batch, incarnation);

    private static ulong Checksum(ReadOnlySpan<byte> batch, ulong incarnation) => StableHash.Of(batch[ChecksumFrom..], (long)incarnation);
}

using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Wal;

/// <summary>
/// What a record starts with.
/// <code>
///  0 u32 length of the payload    4 u32 CRC-32C of bytes 0-3, then 16 to the end, then 8-15
///  8 u64 LSN                     16 u8 type   17 zero   18 u16 partition   20 payload
/// </code>
/// The checksum takes the LSN last, so that the shard computes all but the last step before the LSN is known.
/// </summary>
internal readonly record struct RecordHeader(int PayloadBytes, uint Checksum, Lsn Lsn, WalRecordType Type, PartitionId Partition)
{
    public const int Bytes = 20;

    /// <summary>Term and index stand before an entry's data.</summary>
    public const int EntryPrefixBytes = 16;

    private const int LsnAt = 8;
    private const int CoveredFrom = 16;

    public int TotalBytes => Bytes + PayloadBytes;

    /// <summary>Completes a record whose payload stands already in <paramref name="record"/>, all but its LSN.</summary>
    public static void Write(Span<byte> record, WalRecordType type, PartitionId partition)
    {
        BinaryPrimitives.WriteInt32LittleEndian(record, record.Length - Bytes);
        record[16] = (byte)type;
        record[17] = 0;
        BinaryPrimitives.WriteUInt16LittleEndian(record[18..], partition.Value);
        var checksum = Crc32C.Append(Crc32C.Of(record[..4]), record[CoveredFrom..]);
        BinaryPrimitives.WriteUInt32LittleEndian(record[4..], checksum);
    }

    /// <summary>Gives a record its LSN and completes the checksum. Returns the record's size.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Stamp(Span<byte> record, Lsn lsn)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(record[LsnAt..], lsn.Value);
        var checksum = BinaryPrimitives.ReadUInt32LittleEndian(record[4..]);
        BinaryPrimitives.WriteUInt32LittleEndian(record[4..], Crc32C.Append(checksum, lsn.Value));
        return Bytes + BinaryPrimitives.ReadInt32LittleEndian(record);
    }

    public static RecordHeader Read(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadInt32LittleEndian(bytes),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]),
        new Lsn(BinaryPrimitives.ReadUInt64LittleEndian(bytes[LsnAt..])),
        (WalRecordType)bytes[16],
        new PartitionId(BinaryPrimitives.ReadUInt16LittleEndian(bytes[18..])));

    /// <summary>Whether a record is as it was written. Its bytes may be in two pieces: <paramref name="head"/> holds at least the header.</summary>
    public bool IsIntact(ReadOnlySpan<byte> head, ReadOnlySpan<byte> rest)
    {
        var checksum = Crc32C.Append(Crc32C.Of(head[..4]), head[CoveredFrom..]);
        return Crc32C.Append(Crc32C.Append(checksum, rest), Lsn.Value) == Checksum;
    }
}

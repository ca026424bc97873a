using System.Buffers;
using System.Buffers.Binary;
using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage.Iteration;

namespace KvStore.Core.Storage;

/// <summary>
/// A piece of a partition's snapshot (docs/storage-format.md, 'Snapshot chunk'): magic (4 bytes), CRC-32C of the rest (4), number from 0 (4),
/// flags (4: 1 = last chunk), floor (8), then records up to the end: key length with the space byte (varint), value length (varint), space (1), key,
/// record header, value. Records come in key order, over all chunks.
/// </summary>
internal static class SnapshotChunk
{
    public const int HeaderBytes = 24;

    private const uint Magic = 0x3158564B; // "KVX1"
    private const uint LastFlag = 1;
    private const int MaxValueBytes = 64 << 20;

    /// <summary>One record of a chunk. <paramref name="Key"/> begins with the space byte.</summary>
    public readonly ref struct Record(ReadOnlySpan<byte> key, LogIndex index, RecordInfo info, ReadOnlySpan<byte> value)
    {
        public ReadOnlySpan<byte> Key { get; } = key;

        public LogIndex Index { get; } = index;

        public RecordInfo Info { get; } = info;

        public ReadOnlySpan<byte> Value { get; } = value;
    }

    public static void AppendRecord(ArrayBufferWriter<byte> chunk, RecordCursor cursor)
    {
        var key = cursor.Key[(StorageKey.PrefixBytes - 1)..];
        var value = cursor.Value;
        var span = chunk.GetSpan((2 * Varint.MaxBytes) + key.Length + RecordHeader.MaxBytes + value.Length);
        var at = Varint.Write(span, (ulong)key.Length);
        at += Varint.Write(span[at..], (ulong)value.Length);
        key.CopyTo(span[at..]);
        at += key.Length;
        at += RecordHeader.Write(span[at..], cursor.Index, cursor.Info);
        value.CopyTo(span[at..]);
        chunk.Advance(at + value.Length);
    }

    /// <summary>Fills in the header that was left free at the start.</summary>
    public static void Seal(Span<byte> chunk, uint number, bool isLast, LogIndex floor)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(chunk, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(chunk[8..], number);
        BinaryPrimitives.WriteUInt32LittleEndian(chunk[12..], isLast ? LastFlag : 0);
        BinaryPrimitives.WriteUInt64LittleEndian(chunk[16..], floor.Value);
        BinaryPrimitives.WriteUInt32LittleEndian(chunk[4..], Crc32C.Of(chunk[8..]));
    }

    /// <summary>Checks the header; returns the offset of the first record.</summary>
    public static int Open(ReadOnlySpan<byte> chunk, uint expectedNumber, out bool isLast, out LogIndex floor)
    {
        if (chunk.Length < HeaderBytes || BinaryPrimitives.ReadUInt32LittleEndian(chunk) != Magic) throw Damaged(0, "not a snapshot chunk");
        if (BinaryPrimitives.ReadUInt32LittleEndian(chunk[4..]) != Crc32C.Of(chunk[8..])) throw Damaged(4, "wrong checksum");
        var number = BinaryPrimitives.ReadUInt32LittleEndian(chunk[8..]);
        if (number != expectedNumber) throw Damaged(8, $"chunk {number} where {expectedNumber} was expected");
        isLast = (BinaryPrimitives.ReadUInt32LittleEndian(chunk[12..]) & LastFlag) != 0;
        floor = new LogIndex(BinaryPrimitives.ReadUInt64LittleEndian(chunk[16..]));
        return HeaderBytes;
    }

    public static Record ReadRecord(ReadOnlySpan<byte> chunk, ref int at)
    {
        var start = at;
        if (!Varint.TryReadLength(chunk, ref at, StorageKey.MaxKeyBytes + 1, out var keyLength) || keyLength < 2 ||
            !Varint.TryReadLength(chunk, ref at, MaxValueBytes, out var valueLength) || at + keyLength > chunk.Length)
        {
            throw Damaged(start, "bad lengths");
        }

        var key = chunk.Slice(at, keyLength);
        at += keyLength;
        if (!RecordHeader.TryRead(chunk, ref at, out var index, out var info) || at + valueLength > chunk.Length)
            throw Damaged(start, "bad record header");
        var value = chunk.Slice(at, valueLength);
        at += valueLength;
        return new Record(key, index, info, value);
    }

    private static CorruptionException Damaged(long offset, string what) => new("snapshot chunk", offset, what);
}

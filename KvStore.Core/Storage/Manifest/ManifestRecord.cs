using System.Buffers.Binary;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Manifest;

internal enum ManifestRecordKind : byte
{
    /// <summary>A <see cref="VersionEdit"/>.</summary>
    Edit = 1,

    /// <summary>Nothing; written after a sync: all records before it are durable.</summary>
    Mark = 2,
}

/// <summary>
/// The header of a manifest record, 40 bytes: magic (4), kind (1), zero (3), record number from 0 (8), payload bytes (4), zero (4),
/// bytes of the file known to be durable when the record was written (8), XXH3-64 (8; see <see cref="Checksum"/>). Each record begins on a
/// 4 KiB boundary, so that no sector with synced data is written again.
/// </summary>
internal readonly record struct ManifestRecord(ManifestRecordKind Kind, ulong Number, int PayloadBytes, long DurableBytes)
{
    public const int HeaderBytes = 40;
    public const int Alignment = 4096;
    public const int MaxPayloadBytes = 256 << 20;

    private const uint Magic = 0x4D64766B; // "kvdM"
    private const int ChecksumAt = HeaderBytes - 8;

    /// <summary>Bytes from the start of the record to where the next may begin.</summary>
    public int PaddedBytes => (HeaderBytes + PayloadBytes + Alignment - 1) / Alignment * Alignment;

    /// <summary>The whole record with padding.</summary>
    public static byte[] Write(ManifestRecordKind kind, ulong number, long durableBytes, ReadOnlySpan<byte> payload, ulong manifestNumber)
    {
        var record = new ManifestRecord(kind, number, payload.Length, durableBytes);
        var bytes = new byte[record.PaddedBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Magic);
        bytes[4] = (byte)kind;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), number);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(16), payload.Length);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(24), durableBytes);
        payload.CopyTo(bytes.AsSpan(HeaderBytes));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(ChecksumAt), Checksum(bytes, payload.Length, manifestNumber));
        return bytes;
    }

    /// <summary>Reads the record at the start of <paramref name="bytes"/>; false if there is no valid one.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, ulong manifestNumber, out ManifestRecord record, out ReadOnlySpan<byte> payload)
    {
        record = default;
        payload = default;
        if (bytes.Length < HeaderBytes || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic) return false;
        var length = BinaryPrimitives.ReadInt32LittleEndian(bytes[16..]);
        if (length < 0 || length > bytes.Length - HeaderBytes) return false;
        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes[ChecksumAt..]) != Checksum(bytes, length, manifestNumber)) return false;
        record = new ManifestRecord(
            (ManifestRecordKind)bytes[4], BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]), length, BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]));
        payload = bytes.Slice(HeaderBytes, length);
        return true;
    }

    /// <summary>The payload is hashed with the seed, then the header's first 32 bytes with that hash as seed.</summary>
    private static ulong Checksum(ReadOnlySpan<byte> bytes, int payloadBytes, ulong manifestNumber)
    {
        var ofPayload = StableHash.Of(bytes.Slice(HeaderBytes, payloadBytes), (long)manifestNumber);
        return StableHash.Of(bytes[..ChecksumAt], (long)ofPayload);
    }
}

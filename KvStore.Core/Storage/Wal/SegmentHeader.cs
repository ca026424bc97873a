using System.Buffers.Binary;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Wal;

/// <summary>What stands in the first page of a segment, and how the block of group states after it is framed.</summary>
/// <param name="Durable">Every LSN up to this one was durable when the segment got its name.</param>
/// <param name="PreviousEnd">Where the previous segment ends; what lies behind is cut or was copied into this one.</param>
/// <param name="HlcCeiling">The newest clock ceiling at the segment's start, in HLC ticks.</param>
/// <remarks>
/// <code>
///   0 8 bytes magic "KVDWALSG"   8 u32 format version   12 u32 bytes of group states
///  16 u64 checksum (XXH3-64, seed = incarnation) of bytes 24 to the end of the group states
///  24 u128 cluster id           40 u64 incarnation      48 u16 node id   50 zeros
///  56 u64 segment number        64 u64 epoch            72 u64 first LSN            80 u64 durable LSN
///  88 u64 previous segment      96 u64 previous end    104 u64 HLC ceiling
/// 112 u32 segment bytes        116 u32 offset of the first batch        120 zeros to 4096, then the group states
/// </code>
/// </remarks>
internal readonly record struct SegmentHeader(
    WalIdentity Identity,
    ulong Number,
    ulong Epoch,
    Lsn FirstLsn,
    Lsn Durable,
    ulong Previous,
    int PreviousEnd,
    ulong HlcCeiling,
    int SegmentBytes,
    int FirstBatchOffset,
    int StateBytes)
{
    public const uint FormatVersion = 1;

    /// <summary>The page and the states of as many groups as there can be.</summary>
    public const int MaxBytes = WalFormat.PageBytes + ((ushort.MaxValue + 1) * GroupState.Bytes);

    private const ulong Magic = 0x47534C415744564B;
    private const int ChecksumFrom = 24;

    /// <summary>Where the first batch stands if the segment starts with the states of this many groups.</summary>
    public static int FirstBatchAfter(int groups) => WalFormat.PageBytes + WalFormat.AlignUp(groups * GroupState.Bytes);

    /// <summary>Writes the header in front of the group states that are already in <paramref name="bytes"/>, which is exactly the page and the states.</summary>
    public void Write(Span<byte> bytes)
    {
        bytes[..WalFormat.PageBytes].Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[8..], FormatVersion);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[12..], StateBytes);
        BinaryPrimitives.WriteUInt128LittleEndian(bytes[24..], Identity.ClusterId);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[40..], Identity.Incarnation);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes[48..], Identity.Node.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[56..], Number);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[64..], Epoch);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[72..], FirstLsn.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[80..], Durable.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[88..], Previous);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[96..], (ulong)PreviousEnd);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[104..], HlcCeiling);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[112..], SegmentBytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[116..], FirstBatchOffset);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[16..], Checksum(bytes, Identity.Incarnation));
    }

    /// <summary>Whether this is a segment of some release of the format, and of which.</summary>
    public static bool TryReadVersion(ReadOnlySpan<byte> bytes, out uint version)
    {
        version = 0;
        if (bytes.Length < WalFormat.PageBytes || BinaryPrimitives.ReadUInt64LittleEndian(bytes) != Magic) return false;
        version = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        return true;
    }

    /// <summary>Reads a header of the current format version from the first page and the group states; <paramref name="bytes"/> may be longer. False if it is damaged.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out SegmentHeader header)
    {
        header = default;
        if (bytes.Length < WalFormat.PageBytes) return false;
        var stateBytes = BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]);
        if (stateBytes > (uint)(bytes.Length - WalFormat.PageBytes) || stateBytes % GroupState.Bytes != 0) return false;
        var incarnation = BinaryPrimitives.ReadUInt64LittleEndian(bytes[40..]);
        bytes = bytes[..(WalFormat.PageBytes + (int)stateBytes)];
        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]) != Checksum(bytes, incarnation)) return false;
        var previousEnd = BinaryPrimitives.ReadUInt64LittleEndian(bytes[96..]);
        var firstBatchOffset = BinaryPrimitives.ReadUInt32LittleEndian(bytes[116..]);
        if (!IsPlace(previousEnd) || !IsPlace(firstBatchOffset) || firstBatchOffset < (uint)bytes.Length) return false;
        header = new SegmentHeader(
            new WalIdentity(
                BinaryPrimitives.ReadUInt128LittleEndian(bytes[24..]), new NodeId(BinaryPrimitives.ReadUInt16LittleEndian(bytes[48..])), incarnation),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[56..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[64..]),
            new Lsn(BinaryPrimitives.ReadUInt64LittleEndian(bytes[72..])),
            new Lsn(BinaryPrimitives.ReadUInt64LittleEndian(bytes[80..])),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[88..]),
            (int)previousEnd,
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[104..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[112..]),
            (int)firstBatchOffset,
            (int)stateBytes);

        // What stands in earlier segments was durable when this one began: the log goes on behind it, without a gap.
        return header.FirstLsn > Lsn.Zero && header.FirstLsn.Value - 1 <= header.Durable.Value;
    }

    /// <summary>Batches begin and end on pages, within the largest segment.</summary>
    private static bool IsPlace(ulong offset) => offset <= WalFormat.MaxSegmentBytes && offset % WalFormat.PageBytes == 0;

    private static ulong Checksum(ReadOnlySpan<byte> bytes, ulong incarnation) => StableHash.Of(bytes[ChecksumFrom..], (long)incarnation);
}

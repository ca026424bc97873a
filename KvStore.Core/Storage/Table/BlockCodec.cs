using System.Buffers.Binary;
using K4os.Compression.LZ4;
using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Table;

/// <summary>Turns a block's content into what is stored (compressed if that saves an eighth, with a trailer) and back.</summary>
internal static class BlockCodec
{
    /// <summary>Writes content and trailer to the start of <paramref name="destination"/>, which holds <see cref="MaxStoredBytes"/>; returns the address.</summary>
    public static BlockAddress Store(ReadOnlySpan<byte> content, BlockKind kind, bool compress, ulong fileNumber, long offset, Span<byte> destination)
    {
        var stored = compress ? LZ4Codec.Encode(content, destination[..(content.Length - (content.Length / 8))]) : 0;
        var isCompressed = stored > 0;
        if (!isCompressed)
        {
            content.CopyTo(destination);
            stored = content.Length;
        }

        var trailer = destination.Slice(stored, TableFormat.TrailerBytes);
        trailer[0] = (byte)kind;
        trailer[1] = isCompressed ? TableFormat.Lz4 : TableFormat.Uncompressed;
        trailer[2] = trailer[3] = 0;
        BinaryPrimitives.WriteInt32LittleEndian(trailer[4..], content.Length);
        var checksum = StableHash.Of(destination[..(stored + 8)], TableFormat.ChecksumSeed(fileNumber, offset));
        BinaryPrimitives.WriteUInt64LittleEndian(trailer[8..], checksum);
        return new BlockAddress(offset, stored);
    }

    public static int MaxStoredBytes(int contentBytes) => contentBytes + TableFormat.TrailerBytes;

    /// <summary>Checks a stored block (content and trailer); returns the length of its content, and whether it is compressed.</summary>
    public static int Check(ReadOnlySpan<byte> stored, BlockKind kind, ulong fileNumber, long offset, string path, out bool isCompressed)
    {
        var trailer = stored[^TableFormat.TrailerBytes..];
        var checksum = StableHash.Of(stored[..^8], TableFormat.ChecksumSeed(fileNumber, offset));
        if (BinaryPrimitives.ReadUInt64LittleEndian(trailer[8..]) != checksum) throw new CorruptionException(path, offset, "wrong checksum of a block");
        if (trailer[0] != (byte)kind) throw new CorruptionException(path, offset, $"a block of kind {trailer[0]} where {kind} was expected");
        isCompressed = trailer[1] == TableFormat.Lz4;
        var length = BinaryPrimitives.ReadInt32LittleEndian(trailer[4..]);
        var storedLength = stored.Length - TableFormat.TrailerBytes;

        // LZ4 cannot shrink by more than a factor of 255: no memory is taken for a length beyond it.
        var isSound = length is > 0 and <= TableFormat.MaxBlockBytes && (isCompressed ? length / 255 <= storedLength : length == storedLength);
        return isSound ? length : throw new CorruptionException(path, offset, "a block with a wrong length");
    }

    public static void Decompress(ReadOnlySpan<byte> stored, Span<byte> content, string path, long offset)
    {
        // A match of distance 0, which no encoder writes, copies what was there before: not what another block has left there.
        content.Clear();
        if (LZ4Codec.Decode(stored[..^TableFormat.TrailerBytes], content) != content.Length)
            throw new CorruptionException(path, offset, "a block that does not decompress");
    }
}

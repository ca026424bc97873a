using System.Buffers.Binary;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Table;

/// <summary>
/// The last 72 bytes of a table: offset (8) and length (4) of filter, top index and properties; format version (4); file number (8);
/// zero (8); XXH3-64 of the bytes before (8); magic (8).
/// </summary>
internal readonly record struct TableFooter(BlockAddress Filter, BlockAddress TopIndex, BlockAddress Properties, ulong FileNumber)
{
    private const int ChecksumAt = TableFormat.FooterBytes - 16;
    private const int AddressBytes = 12;

    public void Write(Span<byte> destination)
    {
        destination[..TableFormat.FooterBytes].Clear();
        WriteAddress(destination, Filter);
        WriteAddress(destination[AddressBytes..], TopIndex);
        WriteAddress(destination[(2 * AddressBytes)..], Properties);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[36..], TableFormat.Version);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[40..], FileNumber);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[ChecksumAt..], StableHash.Of(destination[..ChecksumAt]));
        BinaryPrimitives.WriteUInt64LittleEndian(destination[(ChecksumAt + 8)..], TableFormat.Magic);
    }

    /// <exception cref="FormatException">This is no footer of a table of a known version.</exception>
    public static TableFooter Read(ReadOnlySpan<byte> bytes)
    {
        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes[(ChecksumAt + 8)..]) != TableFormat.Magic) throw new FormatException("no table: wrong magic");
        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes[ChecksumAt..]) != StableHash.Of(bytes[..ChecksumAt])) throw new FormatException("wrong checksum of the footer");
        var version = BinaryPrimitives.ReadUInt32LittleEndian(bytes[36..]);
        if (version != TableFormat.Version) throw new FormatException($"table format {version}, this program knows {TableFormat.Version}");
        return new TableFooter(
            ReadAddress(bytes), ReadAddress(bytes[AddressBytes..]), ReadAddress(bytes[(2 * AddressBytes)..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[40..]));
    }

    private static void WriteAddress(Span<byte> destination, BlockAddress address)
    {
        BinaryPrimitives.WriteInt64LittleEndian(destination, address.Offset);
        BinaryPrimitives.WriteInt32LittleEndian(destination[8..], address.Length);
    }

    private static BlockAddress ReadAddress(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadInt64LittleEndian(bytes), BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]));
}

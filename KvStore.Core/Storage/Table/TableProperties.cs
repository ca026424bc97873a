using System.Buffers;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Table;

/// <summary>What lies in a table of one generation of one partition.</summary>
/// <param name="Bytes">Keys, headers and values before compression.</param>
internal readonly record struct TableSection(PartitionId Partition, Generation Generation, long Records, long Bytes);

/// <summary>
/// Facts about a table, for planning and inspection; stored as varints: records, tombstones, key bytes, value bytes, data blocks,
/// number of sections, then of each section partition, generation, records, bytes.
/// </summary>
internal sealed record TableProperties(
    long Records, long Tombstones, long KeyBytes, long ValueBytes, long DataBlocks, IReadOnlyList<TableSection> Sections)
{
    private const int MaxSections = 1 << 20;

    public byte[] Encode()
    {
        var bytes = new ArrayBufferWriter<byte>();
        foreach (var number in new[] { Records, Tombstones, KeyBytes, ValueBytes, DataBlocks, Sections.Count }) Append(bytes, number);
        foreach (var section in Sections)
        {
            Append(bytes, section.Partition.Value);
            Append(bytes, section.Generation.Value);
            Append(bytes, section.Records);
            Append(bytes, section.Bytes);
        }

        return bytes.WrittenSpan.ToArray();
    }

    /// <exception cref="FormatException">These are not properties.</exception>
    public static TableProperties Decode(ReadOnlySpan<byte> bytes)
    {
        var at = 0;
        var records = Take(bytes, ref at);
        var tombstones = Take(bytes, ref at);
        var keyBytes = Take(bytes, ref at);
        var valueBytes = Take(bytes, ref at);
        var blocks = Take(bytes, ref at);
        var count = Take(bytes, ref at);
        if (count > MaxSections) throw new FormatException("too many sections");
        var sections = new List<TableSection>();
        for (var i = 0; i < count; i++)
        {
            var partition = new PartitionId(checked((ushort)Take(bytes, ref at)));
            var generation = new Generation(checked((uint)Take(bytes, ref at)));
            sections.Add(new TableSection(partition, generation, Take(bytes, ref at), Take(bytes, ref at)));
        }

        return new TableProperties(records, tombstones, keyBytes, valueBytes, blocks, sections);
    }

    private static void Append(ArrayBufferWriter<byte> bytes, long number) =>
        bytes.Advance(Varint.Write(bytes.GetSpan(Varint.MaxBytes), (ulong)number));

    private static long Take(ReadOnlySpan<byte> bytes, ref int at) =>
        Varint.TryRead(bytes, ref at, out var value) && value <= long.MaxValue ? (long)value : throw new FormatException("the properties are broken");
}

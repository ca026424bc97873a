using System.Buffers.Binary;
using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Core.Storage.Table;
using KvStore.Tests.Storage;

namespace KvStore.Tests.Fuzzing.Targets;

/// <summary>The parts of a table, each by itself, behind their checksums.</summary>
internal static class BlockTargets
{
    private const ulong FileNumber = 7;
    private const long Offset = 4096;

    public static IEnumerable<IDecoderTarget> All =>
    [
        new DecoderTarget
        {
            Name = "block",
            Covers = ["BlockReader", "BlockCursor", $"{nameof(BlockReader)}.{nameof(BlockReader.EntryAt)}", $"{nameof(TableReader)}.{nameof(TableReader.AddressIn)}"],
            Valid = random => RandomBlock(random, random.Next(2) == 0 ? 16 : 1),
            Read = ReadBlock,
            Refuses = [typeof(FormatException)],
        },
        new DecoderTarget
        {
            Name = "block-stored",
            Covers = [$"{nameof(BlockCodec)}.{nameof(BlockCodec.Check)}", $"{nameof(BlockCodec)}.{nameof(BlockCodec.Decompress)}"],
            Valid = StoredBlock,
            Read = ReadStored,
            Refuses = [typeof(CorruptionException)],
            Checksums = RepairStored,

            // LZ4 makes 255 bytes of one at most.
            BytesPerByte = 300,
        },
        new DecoderTarget
        {
            Name = "bloom-filter",
            Covers = [$"{nameof(BloomFilter)}.{nameof(BloomFilter.MayContain)}"],
            Valid = random => BloomFilter.Build([.. Enumerable.Range(0, random.Next(1, 200)).Select(_ => (ulong)random.NextInt64())]),
            Read = AskFilter,
            Refuses = [typeof(FormatException)],
        },
        new DecoderTarget
        {
            Name = "table-footer",
            Covers = [$"{nameof(TableFooter)}.{nameof(TableFooter.Read)}"],
            Valid = RandomFooter,
            Read = ReadFooter,
            Refuses = [typeof(FormatException)],
            Checksums = RepairFooter,
            RoundTrips = true,
        },
        new DecoderTarget
        {
            Name = "table-properties",
            Covers = [$"{nameof(TableProperties)}.{nameof(TableProperties.Decode)}"],
            Valid = RandomProperties,
            Read = bytes => Decoded.Of(TableProperties.Decode(bytes.Span).Encode()),
            Refuses = [typeof(FormatException), typeof(OverflowException)],
            BytesPerByte = 64,
            RoundTrips = true,
        },
        new DecoderTarget
        {
            Name = "record-header",
            Covers = [$"{nameof(RecordHeader)}.{nameof(RecordHeader.TryRead)}", $"{nameof(Varint)}.{nameof(Varint.TryRead)}", $"{nameof(Varint)}.{nameof(Varint.TryReadLength)}"],
            Valid = RandomHeader,
            Read = ReadHeader,
            RoundTrips = true,
        },
    ];

    private static byte[] RandomBlock(Random random, int restartInterval)
    {
        var builder = new BlockBuilder(restartInterval);
        var keys = new SortedSet<string>(Enumerable.Range(0, random.Next(1, 60)).Select(_ => $"{random.Next(10)}/{new string('k', random.Next(8))}{random.Next(1000)}"), StringComparer.Ordinal);
        foreach (var key in keys)
        {
            var payload = new byte[10];
            var length = Varint.Write(payload, (ulong)random.Next(100_000));
            length += Varint.Write(payload.AsSpan(length), (ulong)random.Next(5_000));
            builder.Add(Records.Key(key), payload.AsSpan(0, length), []);
        }

        return builder.Finish().ToArray();
    }

    private static Decoded ReadBlock(ReadOnlyMemory<byte> input)
    {
        var digest = new Digest();
        var block = input.ToArray();
        using var cursor = new BlockCursor();
        cursor.Open(block);
        var count = 0;
        for (cursor.SeekFirst(); cursor.IsValid; cursor.Next(), count++) digest.Add(cursor.Key).Add(cursor.Payload);
        var reader = new BlockReader(input.Span);
        foreach (var key in (byte[][])[[], Records.Key("3/kkk500"), Records.Key("9/kk"), [0xFF]])
        {
            digest.Add(reader.TryFind(key, out var payload)).Add(payload).Add(reader.LastRestartNotAfter(key, out _));
            cursor.Seek(key);
            digest.Add(cursor.IsValid);
        }

        // Only of a block in which every key is whole may this be asked, and only there do payloads hold addresses.
        if (reader.TryFindCeiling(Records.Key("5/"), out var ceiling)) digest.Add(TableReader.AddressIn(ceiling).Offset);
        return digest.Done($"{count}");
    }

    private static byte[] StoredBlock(Random random)
    {
        var content = RandomBlock(random, 16);
        var stored = new byte[BlockCodec.MaxStoredBytes(content.Length)];
        var address = BlockCodec.Store(content, BlockKind.Data, compress: random.Next(2) == 0, FileNumber, Offset, stored);
        return stored[..(address.Length + TableFormat.TrailerBytes)];
    }

    private static Decoded ReadStored(ReadOnlyMemory<byte> input)
    {
        if (input.Length < TableFormat.TrailerBytes) return Decoded.Refused; // Who reads a block reads its trailer too.
        var length = BlockCodec.Check(input.Span, BlockKind.Data, FileNumber, Offset, "table", out var isCompressed);
        if (!isCompressed) return Decoded.Of(input[..length].ToArray());
        var content = new byte[length];
        BlockCodec.Decompress(input.Span, content, "table", Offset);
        return Decoded.Of(content);
    }

    private static void RepairStored(Span<byte> input)
    {
        if (input.Length < TableFormat.TrailerBytes) return;
        BinaryPrimitives.WriteUInt64LittleEndian(input[^8..], StableHash.Of(input[..^8], TableFormat.ChecksumSeed(FileNumber, Offset)));
    }

    private static Decoded AskFilter(ReadOnlyMemory<byte> input)
    {
        var digest = new Digest();
        for (var i = 0UL; i < 20; i++) digest.Add(BloomFilter.MayContain(input.Span, i * 0x9E3779B97F4A7C15));
        return digest.Done();
    }

    private static byte[] RandomFooter(Random random)
    {
        var bytes = new byte[TableFormat.FooterBytes];
        BlockAddress Address() => new(random.Next(), random.Next(100_000));
        new TableFooter(Address(), Address(), Address(), (ulong)random.Next()).Write(bytes);
        return bytes;
    }

    private static Decoded ReadFooter(ReadOnlyMemory<byte> input)
    {
        if (input.Length != TableFormat.FooterBytes) return Decoded.Refused; // Its size is that of the last bytes of a file.
        var footer = TableFooter.Read(input.Span);
        var bytes = new byte[TableFormat.FooterBytes];
        footer.Write(bytes);
        return Decoded.Of(bytes);
    }

    private static void RepairFooter(Span<byte> input)
    {
        if (input.Length != TableFormat.FooterBytes) return;
        BinaryPrimitives.WriteUInt64LittleEndian(input[^16..], StableHash.Of(input[..^16]));
    }

    private static byte[] RandomProperties(Random random) => new TableProperties(
        random.Next(), random.Next(), random.NextInt64(), random.NextInt64(), random.Next(),
        [.. Enumerable.Range(0, random.Next(4)).Select(i => new TableSection(new PartitionId((ushort)i), new Generation((uint)random.Next()), random.Next(), random.Next()))]).Encode();

    private static byte[] RandomHeader(Random random)
    {
        var bytes = new byte[RecordHeader.MaxBytes];
        var index = (ulong)random.Next(1, 100_000);
        var info = Records.Info(random.Next(3) == 0 ? index + 1 : index, random.Next(2) == 0 ? 0 : random.Next()) with { IsTombstone = random.Next(2) == 0 };
        return bytes[..RecordHeader.Write(bytes, new LogIndex(index), info)];
    }

    private static Decoded ReadHeader(ReadOnlyMemory<byte> input)
    {
        var at = 0;
        if (!RecordHeader.TryRead(input.Span, ref at, out var index, out var info)) return Decoded.Refused;
        var bytes = new byte[RecordHeader.MaxBytes];
        return Decoded.Of(bytes[..RecordHeader.Write(bytes, index, info)]);
    }
}

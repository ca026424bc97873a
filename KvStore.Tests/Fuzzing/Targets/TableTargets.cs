using System.Buffers.Binary;
using K4os.Compression.LZ4;
using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Core.Storage.Table;
using KvStore.Tests.Simulation;
using KvStore.Tests.Storage;

namespace KvStore.Tests.Fuzzing.Targets;

/// <summary>A whole table file, read in every way there is. Damage is a <see cref="CorruptionException"/>.</summary>
internal static class TableTargets
{
    private const string Directory = "/t";
    private const ulong FileNumber = 7;
    private static readonly string FilePath = $"{Directory}/{TableFormat.FileName(FileNumber)}";

    public static IEnumerable<IDecoderTarget> All =>
    [
        new DecoderTarget
        {
            Name = "table",
            Covers = [$"{nameof(TableReader)}.{nameof(TableReader.Open)}", $"{nameof(TableReader)}.{nameof(TableReader.Find)}", "TableCursor"],
            Valid = RandomTable,
            Read = ReadTable,
            Refuses = [typeof(CorruptionException)],
            Checksums = content => Repair(content, FileNumber),
            StatedBytes = 1 << 20,
            BytesPerByte = 300,
        },
    ];

    /// <summary>Makes all checksums right that can be reached from the footer: of its own, of the blocks it names, and of those that index blocks name.</summary>
    public static void Repair(Span<byte> table, ulong fileNumber)
    {
        if (table.Length < TableFormat.FooterBytes) return;
        var footer = table[^TableFormat.FooterBytes..];
        foreach (var (at, isIndex) in ((int, bool)[])[(0, false), (12, true), (24, false)])
            RepairBlock(table, fileNumber, BinaryPrimitives.ReadInt64LittleEndian(footer[at..]), BinaryPrimitives.ReadInt32LittleEndian(footer[(at + 8)..]), isIndex ? 2 : 0);
        BinaryPrimitives.WriteUInt64LittleEndian(footer[^16..], StableHash.Of(footer[..^16]));
    }

    /// <summary>Index blocks are never compressed.</summary>
    private static void RepairBlock(Span<byte> table, ulong fileNumber, long offset, int length, int levelsBelow)
    {
        if (offset < 0 || length < 0 || length > table.Length - offset - TableFormat.TrailerBytes) return;
        var block = table.Slice((int)offset, length + TableFormat.TrailerBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(block[^8..], StableHash.Of(block[..^8], TableFormat.ChecksumSeed(fileNumber, offset)));
        if (levelsBelow == 0) return;
        foreach (var address in AddressesIn(block[..length])) RepairBlock(table, fileNumber, address.Offset, address.Length, levelsBelow - 1);
    }

    private static List<BlockAddress> AddressesIn(ReadOnlySpan<byte> index)
    {
        var addresses = new List<BlockAddress>();
        try
        {
            var end = new BlockReader(index).End;
            for (var at = 0; at < end;)
            {
                var entry = BlockReader.EntryAt(index[..end], at);
                addresses.Add(TableReader.AddressIn(index.Slice(entry.PayloadAt, entry.PayloadLength)));
                at = entry.Next;
            }
        }
        catch (FormatException)
        {
            // So far it could be followed.
        }

        return addresses;
    }

    private static byte[] RandomTable(Random random)
    {
        var disk = NewDisk();
        using (var writer = new TableWriter(disk, Directory, FileNumber))
        {
            var many = random.Next(4) == 0;
            var keys = new SortedSet<int>(Enumerable.Range(0, random.Next(1, many ? 200 : 30)).Select(_ => random.Next(1000)));
            foreach (var key in keys)
            {
                var info = Records.Info((ulong)key + 1, random.Next(3) == 0 ? random.Next() : 0) with { IsTombstone = random.Next(4) == 0 };
                writer.Add(KeyOf(key), new LogIndex((ulong)key + 1), info, new byte[random.Next(many ? 400 : 60)]);
            }

            writer.Complete();
        }

        return disk.Content(FilePath);
    }

    private static byte[] KeyOf(int number)
    {
        var prefix = new byte[StorageKey.PrefixBytes];
        StorageKey.WritePrefix(prefix, new PartitionId(1), new Generation(5), 0);
        return [.. prefix, .. Records.Key($"key-{number:D4}")];
    }

    private static Decoded ReadTable(ReadOnlyMemory<byte> input)
    {
        var disk = NewDisk();
        disk.SetContent(FilePath, input.Span);
        var digest = new Digest();
        using var cache = new BlockCache(1 << 20, poison: true);
        using var table = TableReader.Open(disk, FilePath, new TableInfo(FileNumber, input.Length, 0, [], []), cache);
        var damage = "";
        foreach (var read in (Action[])[() => digest.Add(table.ReadProperties().Encode()), () => Walk(table, BlockAccess.Direct, digest), () => Walk(table, BlockAccess.Cached, digest), () => FindAll(table, digest)])
        {
            try
            {
                read();
            }
            catch (CorruptionException e)
            {
                damage += $"{e.What.Length}.";
            }
        }

        return digest.Done(damage);
    }

    private static void Walk(TableReader table, BlockAccess access, Digest digest)
    {
        using var cursor = new TableCursor(table, access);
        var left = 10_000; // Keys of a damaged table may come round again; the index is walked once.
        for (cursor.Seek([]); cursor.IsValid; cursor.Next())
        {
            digest.Add(cursor.Key).Add(cursor.Index.Value).Add(cursor.Info.ExpiresAtMs).Add(cursor.Value);
            if (--left == 0) throw new InvalidOperationException("more records than the file has room for");
        }

        cursor.Seek(KeyOf(500));
        digest.Add(cursor.IsValid);
    }

    private static void FindAll(TableReader table, Digest digest)
    {
        for (var number = 0; number < 1000; number += 97)
        {
            var key = KeyOf(number);
            var lookup = table.Find(key, StableHash.Of(key), BlockAccess.Cached, out var index, out _, out var value, out var held);
            digest.Add((ulong)lookup).Add(index.Value).Add(value);
            if (lookup == Lookup.Found) held.Release();
        }
    }

    private static SimDisk NewDisk()
    {
        var disk = new SimDisk(1);
        disk.CreateDirectory(Directory);
        return disk;
    }
}

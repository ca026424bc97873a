using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Core.Storage.Table;
using KvStore.Tests.Simulation;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage.Table;

/// <summary>Table files: written, read back, damaged.</summary>
public sealed class TableTests
{
    private const string Directory = "/t";

    [Test]
    public void Every_record_is_found_and_walked_over([Range(1, 12)] int seed)
    {
        var random = new Prng((ulong)seed);
        var disk = NewDisk();
        var records = DrawRecords(random, random.Next(1, 3_000));
        var info = Write(disk, records);
        using var cache = new BlockCache(1 << 20, poison: true);
        using (var table = TableReader.Open(disk, $"{Directory}/000007.sst", info, cache))
        {
            foreach (var (key, record) in records) CheckFound(table, key, record);
            foreach (var key in DrawRecords(random, 300).Keys.Where(key => !records.ContainsKey(key))) IsFound(table, key).ShouldBeFalse();
            CheckWalk(table, records, BlockAccess.Cached);
            CheckWalk(table, records, BlockAccess.Direct);
            table.ReadProperties().Records.ShouldBe(records.Count);
        }
    }

    [Test]
    public void The_largest_value_goes_through()
    {
        var disk = NewDisk();
        var random = new Prng(3);
        var records = DrawRecords(random, 20);
        records[StorageKeyOf("big")] = (Records.Info(9), Records.Value(random, 16 << 20));
        var info = Write(disk, records);
        using var cache = new BlockCache(1 << 20, poison: true);
        using (var table = TableReader.Open(disk, $"{Directory}/000007.sst", info, cache))
        {
            foreach (var (key, record) in records) CheckFound(table, key, record);
            CheckWalk(table, records, BlockAccess.Cached);
        }

        cache.UsedBytes.ShouldBeLessThanOrEqualTo(1 << 20);
    }

    [Test]
    public void Values_that_repeat_take_less_room_than_they_have()
    {
        var disk = NewDisk();
        var records = DrawRecords(new Prng(4), 1);
        for (var i = 0; i < 500; i++) records[StorageKeyOf($"k{i:D5}")] = (Records.Info(1), new byte[500]);
        Write(disk, records).Bytes.ShouldBeLessThan(60_000);
    }

    /// <summary>Every byte of a table is covered by a checksum: whichever is changed, reading everything says so, with the file's name.</summary>
    [Test]
    public void A_flipped_bit_anywhere_is_detected()
    {
        var disk = NewDisk();
        var random = new Prng(5);
        var records = DrawRecords(random, 200);
        var info = Write(disk, records);
        var path = $"{Directory}/000007.sst";
        var content = disk.Content(path);
        for (var at = 0; at < content.Length; at += content.Length > 20_000 ? 7 : 1)
        {
            var broken = content.ToArray();
            broken[at] ^= (byte)(1 << random.Next(8));
            disk.SetContent(path, broken);
            var error = Should.Throw<CorruptionException>(() => ReadEverything(disk, path, info), $"byte {at} of {content.Length}");
            error.Path.ShouldBe(path);
            error.Offset.ShouldBeInRange(0, content.Length);
        }
    }

    [Test]
    public void A_table_of_another_length_or_number_is_refused()
    {
        var disk = NewDisk();
        var info = Write(disk, DrawRecords(new Prng(6), 100));
        var path = $"{Directory}/000007.sst";
        Should.Throw<CorruptionException>(() => ReadEverything(disk, path, info with { Bytes = info.Bytes + 1 }));
        Should.Throw<CorruptionException>(() => ReadEverything(disk, path, info with { FileNumber = 8 }));
        disk.SetContent(path, disk.Content(path).AsSpan(0, (int)info.Bytes - 1));
        Should.Throw<CorruptionException>(() => ReadEverything(disk, path, info));
        disk.Delete(path);
        Should.Throw<CorruptionException>(() => ReadEverything(disk, path, info));
    }

    [TestCase("abc", "abd", "abc")]
    [TestCase("abcdef", "abz", "abd")]
    [TestCase("abc", "abcd", "abc")]
    [TestCase("a", "b", "a")]
    [TestCase("axxx", "b", "axxx")]
    [TestCase("axxx", "c", "b")]
    public void The_separator_of_two_keys_lies_between_them(string before, string after, string separator) =>
        TableWriter.Separator(Records.Key(before), Records.Key(after)).ToArray().ShouldBe(Records.Key(separator));

    private static SimDisk NewDisk()
    {
        var disk = new SimDisk(1);
        disk.CreateDirectory(Directory);
        return disk;
    }

    private static TableInfo Write(SimDisk disk, SortedDictionary<byte[], (RecordInfo Info, byte[] Value)> records)
    {
        using var writer = new TableWriter(disk, Directory, 7);
        foreach (var (key, record) in records) writer.Add(key, record.Info.Revision.Version.Index, record.Info, record.Value);
        var info = writer.Complete();
        info.Records.ShouldBe(records.Count);
        info.Smallest.ShouldBe(records.Keys.First());
        info.Largest.ShouldBe(records.Keys.Last());
        info.Bytes.ShouldBe(disk.Content($"{Directory}/000007.sst").Length);
        return info;
    }

    private static void ReadEverything(SimDisk disk, string path, TableInfo info)
    {
        using var cache = new BlockCache(1 << 20, poison: true);
        using var table = TableReader.Open(disk, path, info, cache);
        table.ReadProperties();
        IsFound(table, info.Smallest);
        using var cursor = new TableCursor(table, BlockAccess.Direct);
        for (cursor.Seek([]); cursor.IsValid; cursor.Next())
        {
        }
    }

    private static void CheckWalk(TableReader table, SortedDictionary<byte[], (RecordInfo Info, byte[] Value)> records, BlockAccess access)
    {
        using var cursor = new TableCursor(table, access);
        cursor.Seek([]);
        foreach (var (key, record) in records)
        {
            cursor.IsValid.ShouldBeTrue();
            cursor.Key.SequenceEqual(key).ShouldBeTrue();
            cursor.Info.ShouldBe(record.Info);
            cursor.Value.SequenceEqual(record.Value).ShouldBeTrue();
            cursor.Next();
        }

        cursor.IsValid.ShouldBeFalse();
    }

    private static void CheckFound(TableReader table, byte[] key, (RecordInfo Info, byte[] Value) record)
    {
        table.Find(key, StableHash.Of(key), BlockAccess.Cached, out var index, out var info, out var value, out var held).ShouldBe(Lookup.Found);
        index.ShouldBe(record.Info.Revision.Version.Index);
        info.ShouldBe(record.Info);
        value.SequenceEqual(record.Value).ShouldBeTrue();
        held.Release();
    }

    private static bool IsFound(TableReader table, byte[] key)
    {
        var found = table.Find(key, StableHash.Of(key), BlockAccess.Cached, out _, out _, out _, out var held) == Lookup.Found;
        held.Release();
        return found;
    }

    private static SortedDictionary<byte[], (RecordInfo Info, byte[] Value)> DrawRecords(Prng random, int count)
    {
        var records = new SortedDictionary<byte[], (RecordInfo, byte[])>(Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b)));
        while (records.Count < count)
        {
            var key = StorageKeyOf($"{random.Next(10)}/{new string('k', random.Next(20))}{random.Next(100_000)}");
            var info = Records.Info((ulong)random.Next(1, 1_000_000), random.Chance(1, 5) ? random.Next(1_000_000) + 1 : 0);
            records[key] = (info with { IsTombstone = random.Chance(1, 5) }, Records.Value(random, random.Next(random.Chance(1, 50) ? 30_000 : 100)));
        }

        return records;
    }

    private static byte[] StorageKeyOf(string key)
    {
        var prefix = new byte[StorageKey.PrefixBytes];
        StorageKey.WritePrefix(prefix, new PartitionId((ushort)(key[0] % 3)), new Generation(5), 0);
        return [.. prefix, .. Records.Key(key)];
    }
}

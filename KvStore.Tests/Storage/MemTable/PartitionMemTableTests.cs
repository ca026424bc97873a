using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Core.Storage.MemTable;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage.MemTable;

/// <summary>The arena-backed skip list.</summary>
public sealed unsafe class PartitionMemTableTests
{
    private readonly ChunkPool _pool = new(1 << 20, poison: true);

    [OneTimeTearDown]
    public void Free() => _pool.Dispose();

    [Test]
    public void Each_version_of_a_key_is_found_at_its_index([Range(1, 20)] int seed)
    {
        var random = new Prng((ulong)seed);
        var table = new PartitionMemTable(_pool, (ulong)seed, default);
        var model = new Dictionary<string, List<(ulong Index, string Value)>>();
        for (ulong index = 1; index <= 500; index++)
        {
            var key = $"{random.Next(40)}";
            var value = $"{random.Next(1000)}";
            table.Put(new LogIndex(index), Records.Key(key), Records.Key(value), Records.Info(index));
            if (!model.TryGetValue(key, out var versions)) model[key] = versions = [];
            versions.Add((index, value));
        }

        for (var probe = 0; probe < 500; probe++)
        {
            var key = $"{random.Next(45)}";
            var at = (ulong)random.Next(520);
            var expected = model.GetValueOrDefault(key)?.LastOrDefault(version => version.Index <= at) ?? default;
            var record = table.Find(Records.Key(key), new LogIndex(at));
            (record == null ? 0ul : record->Index).ShouldBe(expected.Index);
            if (record == null) continue;
            MemRecord.Value(record).SequenceEqual(Records.Key(expected.Value)).ShouldBeTrue();
            MemRecord.Info(record).ShouldBe(Records.Info(expected.Index));
        }

        table.Release();
        _pool.UsedBytes.ShouldBe(0);
    }

    [Test]
    public void A_cursor_shows_the_newest_record_of_each_key_within_its_bounds()
    {
        var table = new PartitionMemTable(_pool, 1, default);
        string[] keys = ["a", "a", "b", "a", "c", "b", "d"];
        for (var i = 0; i < keys.Length; i++)
            table.Put(new LogIndex((ulong)i + 1), Records.Key(keys[i]), [], Records.Info((ulong)i + 1));
        Walk(table, 0, 7).ShouldBe("a4 b6 c5 d7");
        Walk(table, 0, 5).ShouldBe("a4 b3 c5");
        Walk(table, 0, 3).ShouldBe("a2 b3");
        Walk(table, 4, 6).ShouldBe("b6 c5");
        Walk(table, 7, 9).ShouldBe("");
        table.Release();
    }

    [Test]
    public void Nothing_is_taken_before_the_first_record_and_little_for_it()
    {
        var table = new PartitionMemTable(_pool, 1, default);
        table.Bytes.ShouldBe(0);
        table.Put(new LogIndex(1), "a"u8, "b"u8, Records.Info(1));
        table.Bytes.ShouldBe(4096);
        table.Release();
    }

    [Test]
    public void Counted_bytes_are_close_to_what_was_put_in()
    {
        var table = new PartitionMemTable(_pool, 1, default);
        var value = new byte[256];
        for (ulong index = 1; index <= 10_000; index++) table.Put(new LogIndex(index), Records.Key($"key{index:D13}"), value, Records.Info(index));
        ((double)table.Bytes / (10_000 * 272)).ShouldBeInRange(1.0, 1.35);
        _pool.UsedBytes.ShouldBe(table.Bytes);
        table.Release();
    }

    [Test]
    public void Freed_chunks_are_used_again_up_to_the_bound()
    {
        using var pool = new ChunkPool(8192, poison: false);
        var chunks = Enumerable.Range(0, 3).Select(_ => (nint)pool.Rent(4096)).ToList();
        foreach (var chunk in chunks) pool.Return((byte*)chunk, 4096);
        pool.FreeBytes.ShouldBe(8192);
        pool.UsedBytes.ShouldBe(0);
        chunks.ShouldContain((nint)pool.Rent(4096));
        pool.FreeBytes.ShouldBe(4096);
    }

    private static string Walk(PartitionMemTable table, ulong after, ulong through)
    {
        var prefix = new byte[StorageKey.PrefixBytes];
        StorageKey.WritePrefix(prefix, new PartitionId(1), new Generation(1), 0);
        using var cursor = new MemTableCursor(table, prefix, new LogIndex(after), new LogIndex(through));
        var seen = new List<string>();
        for (cursor.Seek(prefix); cursor.IsValid; cursor.Next()) seen.Add($"{(char)cursor.Key[^1]}{cursor.Index}");
        return string.Join(' ', seen);
    }
}

using KvStore.Core.Primitives;
using KvStore.Core.Storage.Table;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage.Table;

/// <summary>The block cache's budget, eviction and counting.</summary>
public sealed unsafe class BlockCacheTests
{
    private const int BlockBytes = 4000;

    [Test]
    public void The_budget_holds_and_what_is_held_stays()
    {
        using var cache = new BlockCache(200_000, poison: true);
        var held = Load(cache, 1, 0, counts: true);
        for (var offset = 1; offset < 1_000; offset++) Load(cache, 2, offset, counts: true).Release();
        cache.UsedBytes.ShouldBeInRange(150_000, 200_000);
        held.Content.SequenceEqual(ContentOf(1, 0)).ShouldBeTrue("it was not freed while it was held");
        held.Release();
    }

    [Test]
    public void The_budget_holds_for_blocks_of_all_sizes_some_of_them_held([Range(1, 10)] int seed)
    {
        var random = new Prng((ulong)seed);
        using var cache = new BlockCache(32 << 20, poison: true);
        var held = new Queue<BlockRef>();
        for (var i = 0; i < 30_000; i++)
        {
            var offset = random.Next(random.Chance(1, 2) ? 300 : 20_000);
            if (!cache.TryGet(1, offset, random.Chance(1, 2), out var block))
            {
                // The size of a block follows from where it lies.
                var size = new Prng((ulong)offset).Chance(1, 100) ? 800_000 : 16_500;
                block = cache.Insert(cache.Allocate(size), 1, offset);
            }

            held.Enqueue(block);
            if (held.Count > 20) held.Dequeue().Release();

            // What is held cannot go; a shard in which much is held may exceed its part.
            cache.UsedBytes.ShouldBeLessThanOrEqualTo((32 << 20) + held.Sum(other => other.Bytes));
        }

        cache.UsedBytes.ShouldBeGreaterThan(28 << 20);
        while (held.TryDequeue(out var block)) block.Release();
        cache.Insert(cache.Allocate(100), 2, 0).Release();
        cache.UsedBytes.ShouldBeLessThanOrEqualTo(33 << 20);
    }

    [Test]
    public void What_is_wanted_again_and_again_survives_a_scan()
    {
        using var cache = new BlockCache(400_000, poison: true);
        for (var round = 0; round < 4; round++)
            for (var offset = 0; offset < 50; offset++) Load(cache, 1, offset, counts: true).Release();
        for (var offset = 0; offset < 5_000; offset++) Load(cache, 2, offset, counts: false).Release();
        var present = 0;
        for (var offset = 0; offset < 50; offset++)
        {
            if (!cache.TryGet(1, offset, true, out var block)) continue;
            present++;
            block.Release();
        }

        present.ShouldBeGreaterThan(45);
    }

    [Test]
    public void What_is_used_often_is_hit_more_than_its_share([Values(1, 2, 3)] int seed)
    {
        // Four fifths of the reads go to a fifth of the blocks; a tenth of all fit.
        var random = new Prng((ulong)seed);
        using var cache = new BlockCache(100 * (BlockBytes + sizeof(CachedBlock)), poison: true);
        for (var i = 0; i < 50_000; i++) Load(cache, 1, random.Chance(4, 5) ? random.Next(200) : 200 + random.Next(800), counts: true).Release();
        var rate = (double)cache.Hits / (cache.Hits + cache.Misses);
        rate.ShouldBeGreaterThan(0.30);
    }

    [Test]
    public void Two_readers_of_one_block_get_the_same()
    {
        using var cache = new BlockCache(100_000, poison: true);
        var first = Fill(cache, 1, 5);
        var second = Fill(cache, 1, 5);
        var a = cache.Insert(first, 1, 5);
        var b = cache.Insert(second, 1, 5);
        a.ShouldBe(b);
        b.Content.SequenceEqual(ContentOf(1, 5)).ShouldBeTrue();
        a.Release();
        b.Release();
    }

    [Test]
    public void A_block_too_large_for_the_cache_lives_until_its_last_reader_ends()
    {
        using var cache = new BlockCache(10_000, poison: true);
        var block = Load(cache, 1, 1, counts: true);
        block.Content.SequenceEqual(ContentOf(1, 1)).ShouldBeTrue();
        block.Release();
        cache.UsedBytes.ShouldBe(0);
    }

    [Test]
    public void What_is_held_outlives_the_cache()
    {
        var cache = new BlockCache(100_000, poison: true);
        var held = Load(cache, 1, 1, counts: true);
        Load(cache, 1, 2, counts: true).Release();
        cache.Dispose();
        held.Content.SequenceEqual(ContentOf(1, 1)).ShouldBeTrue();
        held.Release();
    }

    [Test]
    public void No_more_than_half_is_given_away_for_good()
    {
        using var cache = new BlockCache(100_000, poison: true);
        var kept = new List<BlockRef>();
        for (var offset = 0; offset < 20; offset++)
        {
            var block = Fill(cache, 1, offset);
            if (cache.TryKeep(block, out var held)) kept.Add(held);
            else cache.Free(block);
        }

        kept.Count.ShouldBe(12);
        cache.UsedBytes.ShouldBe(kept.Sum(block => block.Bytes));
        foreach (var block in kept) cache.EndKeeping(block);
        cache.UsedBytes.ShouldBe(0);
    }

    /// <summary>As filters do, while what is read again and again fills the rest.</summary>
    [Test]
    public void What_is_given_away_for_good_takes_its_part_of_the_budget([Values(1, 2, 3)] int seed)
    {
        var random = new Prng((ulong)seed);
        using var cache = new BlockCache(32 << 20, poison: true);
        var kept = new List<BlockRef>();
        for (var i = 0; i < 60_000; i++)
        {
            if (i % 1_000 == 0 && cache.TryKeep(cache.Allocate(300_000), out var block)) kept.Add(block);
            Load(cache, 2, random.Next(20_000), counts: true).Release();
        }

        kept.Count.ShouldBe(55);
        cache.UsedBytes.ShouldBeLessThanOrEqualTo(32 << 20);
        cache.Hits.ShouldBeGreaterThan(12_000);
        foreach (var block in kept) cache.EndKeeping(block);
    }

    /// <summary>Many readers that hold what nobody else wants must not keep the main queue from being asked for room.</summary>
    [Test]
    public void What_is_held_long_takes_no_more_than_its_own_size([Values(1, 2, 3)] int seed)
    {
        var random = new Prng((ulong)seed);
        using var cache = new BlockCache(4 << 20, poison: true);
        var held = Enumerable.Range(0, 150).Select(offset => Load(cache, 1, offset, counts: false)).ToList();
        for (var i = 0; i < 30_000; i++) Load(cache, 2, random.Next(3_000), counts: true).Release();
        cache.UsedBytes.ShouldBeLessThanOrEqualTo(4 << 20);
        foreach (var block in held) block.Release();
    }

    private static BlockRef Load(BlockCache cache, ulong file, long offset, bool counts) =>
        cache.TryGet(file, offset, counts, out var block) ? block : cache.Insert(Fill(cache, file, offset), file, offset);

    private static CachedBlock* Fill(BlockCache cache, ulong file, long offset)
    {
        var block = cache.Allocate(BlockBytes);
        ContentOf(file, offset).CopyTo(CachedBlock.Content(block));
        return block;
    }

    private static byte[] ContentOf(ulong file, long offset) => Records.Value(new Prng(file ^ (ulong)offset), BlockBytes);
}

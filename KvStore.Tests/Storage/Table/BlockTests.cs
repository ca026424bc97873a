using KvStore.Core.Primitives;
using KvStore.Core.Storage.Table;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage.Table;

/// <summary>Blocks of prefix-compressed entries, beside a sorted list.</summary>
public sealed class BlockTests
{
    [Test]
    public void Every_key_is_found_and_no_other([Range(1, 60)] int seed)
    {
        var random = new Prng((ulong)seed);
        var keys = Keys(random, random.Next(1, 200));
        var block = Build(keys, random.Next(1, 20));
        for (var i = 0; i < keys.Count; i++)
        {
            new BlockReader(block).TryFind(keys[i], out var payload).ShouldBeTrue();
            BitConverter.ToInt32(payload).ShouldBe(i);
        }

        foreach (var absent in Keys(random, 200).Where(key => !Contains(keys, key)))
            new BlockReader(block).TryFind(absent, out _).ShouldBeFalse();
    }

    [Test]
    public void The_ceiling_of_a_key_is_found([Range(1, 30)] int seed)
    {
        var random = new Prng((ulong)seed);
        var keys = Keys(random, random.Next(1, 100));
        var block = Build(keys, 1);
        foreach (var probe in Keys(random, 200))
        {
            var expected = keys.FindIndex(key => key.AsSpan().SequenceCompareTo(probe) >= 0);
            new BlockReader(block).TryFindCeiling(probe, out var payload).ShouldBe(expected >= 0);
            if (expected >= 0) BitConverter.ToInt32(payload).ShouldBe(expected);
        }
    }

    [Test]
    public void A_cursor_walks_from_any_key([Range(1, 30)] int seed)
    {
        var random = new Prng((ulong)seed);
        var keys = Keys(random, random.Next(1, 100));
        using var cursor = new BlockCursor();
        cursor.Open(Build(keys, random.Next(1, 20)));
        foreach (var probe in Keys(random, 50))
        {
            var at = keys.FindIndex(key => key.AsSpan().SequenceCompareTo(probe) >= 0);
            cursor.Seek(probe);
            for (; at >= 0 && at < keys.Count; at++)
            {
                cursor.IsValid.ShouldBeTrue();
                cursor.Key.SequenceEqual(keys[at]).ShouldBeTrue();
                cursor.Next();
            }

            cursor.IsValid.ShouldBeFalse();
        }
    }

    /// <summary>Behind a checksum this cannot happen by accident; it must not lead out of bounds all the same.</summary>
    [Test]
    public void Nonsense_is_refused_or_read_within_bounds([Range(1, 20)] int seed)
    {
        var random = new Prng((ulong)seed);
        var keys = Keys(random, 50);
        var block = Build(keys, 4);
        for (var round = 0; round < 300; round++)
        {
            var broken = block.ToArray();
            for (var flips = random.Next(1, 4); flips > 0; flips--) broken[random.Next(broken.Length)] = (byte)random.Next(256);
            try
            {
                new BlockReader(broken).TryFind(keys[random.Next(keys.Count)], out _);
                using var cursor = new BlockCursor();
                cursor.Open(broken);
                for (cursor.SeekFirst(); cursor.IsValid; cursor.Next())
                {
                }
            }
            catch (FormatException)
            {
                // What is broken may be noticed.
            }
        }
    }

    private static byte[] Build(List<byte[]> keys, int restartInterval)
    {
        var builder = new BlockBuilder(restartInterval);
        for (var i = 0; i < keys.Count; i++) builder.Add(keys[i], BitConverter.GetBytes(i).AsSpan(0, 1), BitConverter.GetBytes(i).AsSpan(1));
        var expected = builder.Bytes;
        var block = builder.Finish().ToArray();
        block.Length.ShouldBe(expected);
        return block;
    }

    private static List<byte[]> Keys(Prng random, int count)
    {
        var keys = new SortedSet<byte[]>(Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b)));
        while (keys.Count < count)
        {
            // Few letters make long common prefixes, and keys that begin other keys.
            var key = new byte[random.Next(1, 12)];
            for (var i = 0; i < key.Length; i++) key[i] = (byte)random.Next(random.Chance(1, 20) ? 256 : 3);
            keys.Add(key);
        }

        return [.. keys];
    }

    private static bool Contains(List<byte[]> keys, byte[] key) => keys.Exists(other => other.AsSpan().SequenceEqual(key));
}

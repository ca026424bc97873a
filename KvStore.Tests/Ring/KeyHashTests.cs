using System.Text;
using KvStore.Core.Primitives;
using KvStore.Core.Ring;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Ring;

public sealed class KeyHashTests
{
    [TestCase("plain", "plain")]
    [TestCase("user{42}/name", "42")]
    [TestCase("{42}", "42")]
    [TestCase("a{}b", "a{}b")]
    [TestCase("a{}b{c}", "a{}b{c}")]
    [TestCase("a{bc", "a{bc")]
    [TestCase("a}b{c}d", "c")]
    [TestCase("a{{b}}c", "{b")]
    [TestCase("a{b}{c}", "b")]
    [TestCase("", "")]
    public void The_tag_is_what_stands_in_the_first_braces(string key, string tag) =>
        Encoding.UTF8.GetString(KeyHash.TagOf(Encoding.UTF8.GetBytes(key))).ShouldBe(tag);

    [Test]
    public void Keys_with_one_tag_share_a_partition() =>
        KeyHash.PartitionOf("a{x}"u8, 4096).ShouldBe(KeyHash.PartitionOf("{x}b"u8, 4096));

    [TestCase(16)]
    [TestCase(256)]
    [TestCase(4096)]
    public void A_partition_is_the_top_bits_of_the_hash(int partitionCount)
    {
        for (var i = 0; i < 1000; i++)
        {
            var key = Encoding.UTF8.GetBytes($"key/{i}");
            var hash = StableHash.Of(key);
            var partition = KeyHash.PartitionOf(key, partitionCount);
            ((int)partition.Value).ShouldBe((int)(hash / (ulong.MaxValue / (ulong)partitionCount + 1)));
            KeyHash.StartOf(partition, partitionCount).ShouldBe(hash - (hash % (ulong.MaxValue / (ulong)partitionCount + 1)));
        }
    }

    /// <summary>Values of the reference implementation of XXH3-64 (xxhash 0.8): they must never change, clients and disks rely on them.</summary>
    [TestCase("", 0x2D06800538D394C2UL)]
    [TestCase("a", 0xE6C632B61E964E1FUL)]
    [TestCase("abc", 0x78AF5F94892F3950UL)]
    public void The_hash_is_the_published_XXH3(string key, ulong hash) =>
        KeyHash.Of(Encoding.UTF8.GetBytes(key)).ShouldBe(hash);
}

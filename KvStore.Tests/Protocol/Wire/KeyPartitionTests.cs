using System.Text;
using KvStore.Protocol.Wire;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Protocol.Wire;

public sealed class KeyPartitionTests
{
    [TestCase("user/42", "user/42")]
    [TestCase("{a}b", "a")]
    [TestCase("x{tag}y{other}", "tag")]
    [TestCase("x{}y", "x{}y")]
    [TestCase("x{y", "x{y")]
    [TestCase("}x{y}", "y")]
    [TestCase("{{a}}", "{a")]
    public void The_hash_tag_decides(string key, string tag) =>
        Encoding.UTF8.GetString(KeyPartition.TagOf(Encoding.UTF8.GetBytes(key))).ShouldBe(tag);

    /// <summary>Numbers that clients in other languages must get as well.</summary>
    [TestCase("user/42", 256, 0xD0C8B56705D1A786UL, (ushort)208)]
    [TestCase("x{user/42}y", 256, 0xD0C8B56705D1A786UL, (ushort)208)]
    [TestCase("a", 4096, 0xE6C632B61E964E1FUL, (ushort)0xE6C)]
    public void The_partition_is_the_top_of_the_hash(string key, int partitions, ulong hash, ushort partition)
    {
        KeyPartition.HashOf(Encoding.UTF8.GetBytes(key)).ShouldBe(hash);
        KeyPartition.Of(Encoding.UTF8.GetBytes(key), partitions).ShouldBe(partition);
    }
}

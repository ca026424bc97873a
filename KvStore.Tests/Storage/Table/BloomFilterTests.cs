using KvStore.Core.Primitives;
using KvStore.Core.Storage.Table;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage.Table;

public sealed class BloomFilterTests
{
    [TestCase(1)]
    [TestCase(50)]
    [TestCase(1_000)]
    [TestCase(100_000)]
    public void No_key_is_denied_and_few_others_pass(int keys)
    {
        var random = new Prng((ulong)keys);
        var hashes = new ulong[keys];
        for (var i = 0; i < keys; i++) hashes[i] = random.NextUInt64();
        var filter = BloomFilter.Build(hashes);
        foreach (var hash in hashes) BloomFilter.MayContain(filter, hash).ShouldBeTrue();
        var passed = 0;
        for (var i = 0; i < 100_000; i++) passed += BloomFilter.MayContain(filter, random.NextUInt64()) ? 1 : 0;
        passed.ShouldBeLessThan(1_700);
        (filter.Length * 8.0 / keys).ShouldBeLessThanOrEqualTo(Math.Max(11, 600.0 / keys));
    }

    [Test]
    public void A_filter_of_wrong_length_is_refused() =>
        Should.Throw<FormatException>(() => BloomFilter.MayContain(BloomFilter.Build([1, 2, 3]).AsSpan(1), 1));
}

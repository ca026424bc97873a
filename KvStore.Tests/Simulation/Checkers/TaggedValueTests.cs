using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Simulation.Checkers;

[TestFixture]
internal sealed class TaggedValueTests
{
    [TestCase(0)]
    [TestCase(1)]
    [TestCase(10_000)]
    public void Any_other_byte_makes_another_word(int tailBytes)
    {
        var tail = new byte[tailBytes];
        new Random(1).NextBytes(tail);
        var value = TaggedValue.Of("c1.2", tail);
        TaggedValue.WordOf(value).ShouldBe("c1.2");
        for (var at = 0; at < value.Length; at += 1 + (value.Length / 50))
        {
            value[at] ^= 1;
            TaggedValue.WordOf(value).ShouldNotBe("c1.2", $"byte {at}");
            value[at] ^= 1;
        }

        for (var length = 5; length < value.Length; length += 1 + (value.Length / 50)) TaggedValue.WordOf(value.AsSpan(0, length)).ShouldNotBe("c1.2", $"{length} bytes");
        TaggedValue.WordOf([.. value, 1]).ShouldNotBe("c1.2");
    }

    [Test]
    public void What_is_not_tagged_is_its_own_word() => TaggedValue.WordOf("z.1"u8).ShouldBe("z.1");
}

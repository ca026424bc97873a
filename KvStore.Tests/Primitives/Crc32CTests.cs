using System.Text;
using KvStore.Core.Primitives;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Primitives;

[TestFixture]
public sealed class Crc32CTests
{
    /// <summary>RFC 3720, appendix B.4, and the check value of the CRC catalogue.</summary>
    [Test]
    public void Known_answers()
    {
        Crc32C.Of([]).ShouldBe(0u);
        Crc32C.Of(new byte[32]).ShouldBe(0x8A9136AAu);
        Crc32C.Of(Enumerable.Repeat((byte)0xFF, 32).ToArray()).ShouldBe(0x62A8AB43u);
        Crc32C.Of(Enumerable.Range(0, 32).Select(i => (byte)i).ToArray()).ShouldBe(0x46DD794Eu);
        Crc32C.Of(Enumerable.Range(0, 32).Select(i => (byte)(31 - i)).ToArray()).ShouldBe(0x113FDB5Cu);
        Crc32C.Of(Encoding.ASCII.GetBytes("123456789")).ShouldBe(0xE3069283u);
    }

    [Test]
    public void The_instruction_and_the_table_agree_at_every_length_and_split()
    {
        var bytes = new byte[300];
        new Prng(1).Fill(bytes);
        for (var length = 0; length <= bytes.Length; length++)
        {
            var expected = Crc32C.AppendSoftware(0, bytes.AsSpan(0, length));
            Crc32C.Of(bytes.AsSpan(0, length)).ShouldBe(expected, $"length {length}");
            var split = length / 3;
            Crc32C.Append(Crc32C.Of(bytes.AsSpan(0, split)), bytes.AsSpan(split, length - split)).ShouldBe(expected, $"length {length} split {split}");
        }

        Crc32C.Append(123, BitConverter.ToUInt64(bytes)).ShouldBe(Crc32C.AppendSoftware(123, bytes.AsSpan(0, 8)));
    }
}

using System.Text;
using KvStore.Daemon.Ctl.Output;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Daemon.Ctl.Output;

public sealed class TextTests
{
    [Test]
    public void Tables_align_their_columns()
    {
        var table = new TextTable("NAME", "SIZE").Right("SIZE");
        table.Add("a", "1");
        table.Add("longer", "12345");
        var text = new StringBuilder();
        table.AppendTo(text);
        text.ToString().ShouldBe("NAME     SIZE\na           1\nlonger  12345\n");
        Should.Throw<ArgumentException>(() => table.Add("one cell"));
    }

    [TestCase(0UL, "0 B")]
    [TestCase(1023UL, "1023 B")]
    [TestCase(1536UL, "1.5 KiB")]
    [TestCase(67_108_864UL, "64.0 MiB")]
    [TestCase(ulong.MaxValue, "16777216.0 TiB")]
    public void Bytes_in_words(ulong bytes, string text) => HumanText.Bytes(bytes).ShouldBe(text);

    [Test]
    public void Keys_in_sentences()
    {
        KeyText.Display("user/é"u8).ShouldBe("user/é");
        KeyText.Display("a\nb"u8).ShouldBe("a\\x0ab");
        KeyText.Display([0x61, 0xe9]).ShouldBe("a\\xe9");
    }
}

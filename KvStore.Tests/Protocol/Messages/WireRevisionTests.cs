using CsCheck;
using KvStore.Protocol.Messages;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Protocol.Messages;

public sealed class WireRevisionTests
{
    [Test]
    public void The_text_form_is_the_documented_one()
    {
        var revision = new WireRevision(7, 318, 1764000000123UL << 16, 1);
        revision.ToString().ShouldBe("7.318@1764000000123.0.n1");
        revision.VersionText.ShouldBe("7.318");
        revision.WallMs.ShouldBe(1764000000123);
    }

    [Test]
    public void Every_revision_survives_its_text() =>
        Gen.Select(Gen.ULong, Gen.ULong, Gen.ULong, Gen.UShort, (term, index, ticks, node) => new WireRevision(term, index, ticks, node))
            .Sample(revision => WireRevision.Parse(revision.ToString()) == revision);

    [TestCase("")]
    [TestCase("7.318")]
    [TestCase("7.318@1.2")]
    [TestCase("7.318@1.2.3")]
    [TestCase("7.318@1.2.n")]
    [TestCase("7.318@1.2.n65536")]
    [TestCase("7.318@1.65536.n1")]
    [TestCase("7.318@281474976710656.0.n1")]
    [TestCase("-7.318@1.2.n3")]
    [TestCase("7.318@1.2.n3 ")]
    [TestCase("18446744073709551616.1@1.2.n3")]
    public void Other_text_is_refused(string text)
    {
        WireRevision.TryParse(text, out _).ShouldBeFalse();
        Should.Throw<FormatException>(() => WireRevision.Parse(text));
    }

    [Test]
    public void A_version_alone_is_read()
    {
        WireRevision.TryParseVersion("7.318", out var term, out var index).ShouldBeTrue();
        (term, index).ShouldBe((7UL, 318UL));
        WireRevision.TryParseVersion("7", out _, out _).ShouldBeFalse();
    }
}

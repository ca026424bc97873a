using CsCheck;
using KvStore.Daemon.Config;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Daemon.Config;

public sealed class UnitTextTests
{
    [TestCase("250ms", 250)]
    [TestCase("5s", 5_000)]
    [TestCase("2m", 120_000)]
    [TestCase("1h", 3_600_000)]
    [TestCase("0s", 0)]
    public void A_duration_is_a_number_and_a_unit(string text, long milliseconds)
    {
        DurationText.TryParse(text, out var parsed).ShouldBeTrue();
        parsed.ShouldBe(milliseconds);
    }

    [TestCase("5")]
    [TestCase("")]
    [TestCase("s")]
    [TestCase("-5s")]
    [TestCase("+5s")]
    [TestCase("1.5s")]
    [TestCase(" 5s")]
    [TestCase("5 s")]
    [TestCase("5S")]
    [TestCase("5d")]
    [TestCase("9223372036854775807h")]
    public void Other_durations_are_refused(string text) => DurationText.TryParse(text, out _).ShouldBeFalse();

    [TestCase("64MiB", 64L << 20)]
    [TestCase("1GiB", 1L << 30)]
    [TestCase("4KiB", 4096)]
    [TestCase("2TiB", 2L << 40)]
    [TestCase("100B", 100)]
    [TestCase("100", 100)]
    public void A_size_is_a_number_and_a_binary_unit(string text, long bytes)
    {
        SizeText.TryParse(text, out var parsed).ShouldBeTrue();
        parsed.ShouldBe(bytes);
    }

    [TestCase("64MB")]
    [TestCase("64M")]
    [TestCase("64mib")]
    [TestCase("MiB")]
    [TestCase("-1MiB")]
    [TestCase("1.5GiB")]
    [TestCase("8388608TiB")]
    public void Other_sizes_are_refused(string text) => SizeText.TryParse(text, out _).ShouldBeFalse();

    [Test]
    public void What_is_written_is_read_back() =>
        Gen.Long[0, long.MaxValue].Sample(value =>
            DurationText.TryParse(DurationText.Format(value), out var ms) && ms == value
            && SizeText.TryParse(SizeText.Format(value), out var bytes) && bytes == value);

    [Test]
    public void The_largest_unit_that_fits_is_written()
    {
        DurationText.Format(60_000).ShouldBe("1m");
        DurationText.Format(1_500).ShouldBe("1500ms");
        SizeText.Format(64L << 20).ShouldBe("64MiB");
        SizeText.Format(1_000).ShouldBe("1000B");
    }

    [TestCase("127.0.0.1:7400", "127.0.0.1", 7400)]
    [TestCase("node-1.example:1", "node-1.example", 1)]
    [TestCase("[::1]:65535", "::1", 65535)]
    public void An_address_is_a_host_and_a_port(string text, string host, int port)
    {
        HostPort.TryParse(text, out var address).ShouldBeTrue();
        address.ShouldBe(new HostPort(host, port));
        address.ToString().ShouldBe(text);
    }

    [TestCase("127.0.0.1")]
    [TestCase(":7400")]
    [TestCase("host:0")]
    [TestCase("host:65536")]
    [TestCase("host:-1")]
    [TestCase("::1:7400")]
    [TestCase("[127.0.0.1]:7400")]
    [TestCase("[]:7400")]
    [TestCase("ho st:7400")]
    [TestCase("host:74OO")]
    public void Other_addresses_are_refused(string text) => HostPort.TryParse(text, out _).ShouldBeFalse();
}

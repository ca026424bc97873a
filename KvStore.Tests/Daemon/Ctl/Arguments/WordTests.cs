using KvStore.Daemon.Ctl.Arguments;
using KvStore.Daemon.Ctl.Documents;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Daemon.Ctl.Arguments;

/// <summary>The small languages of durations, sizes, addresses and ids.</summary>
public sealed class WordTests
{
    [TestCase("250ms", 250)]
    [TestCase("5s", 5_000)]
    [TestCase("1.5s", 1_500)]
    [TestCase("2m", 120_000)]
    [TestCase("1h", 3_600_000)]
    public void Durations(string text, double ms)
    {
        DurationText.TryParse(text, out var duration).ShouldBeTrue();
        duration.TotalMilliseconds.ShouldBe(ms);
    }

    [TestCase("")]
    [TestCase("5")]
    [TestCase("s")]
    [TestCase("-5s")]
    [TestCase("0s")]
    [TestCase("0.5ms")]
    [TestCase("5 s")]
    [TestCase("5S")]
    [TestCase("5d")]
    [TestCase("1e3s")]
    [TestCase("99999999h")]
    public void No_durations(string text) => DurationText.TryParse(text, out _).ShouldBeFalse();

    [TestCase("0", 0)]
    [TestCase("256", 256)]
    [TestCase("4KiB", 4096)]
    [TestCase("16MiB", 16 << 20)]
    public void Sizes(string text, int bytes)
    {
        SizeText.TryParse(text, out var size).ShouldBeTrue();
        size.ShouldBe(bytes);
    }

    [TestCase("")]
    [TestCase("KiB")]
    [TestCase("-1")]
    [TestCase("4k")]
    [TestCase("4096MiB")]
    [TestCase("99999999999")]
    public void No_sizes(string text) => SizeText.TryParse(text, out _).ShouldBeFalse();

    [TestCase("127.0.0.1:7400", 1)]
    [TestCase("a:1,b:2, c.example.org:65535", 3)]
    [TestCase("[::1]:7400", 1)]
    public void Endpoints(string text, int count) => EndpointText.Parse(text, out _)!.Length.ShouldBe(count);

    [TestCase("", "'' is not HOST:PORT")]
    [TestCase("host", "'host' is not HOST:PORT")]
    [TestCase("host:", "'host:' is not HOST:PORT")]
    [TestCase(":7400", "':7400' is not HOST:PORT")]
    [TestCase("host:0", "'host:0' is not HOST:PORT")]
    [TestCase("host:65536", "'host:65536' is not HOST:PORT")]
    [TestCase("::1:7400", "'::1:7400' is not HOST:PORT")]
    [TestCase("a:1,,b:2", "'' is not HOST:PORT")]
    [TestCase("a:1,a:1", "'a:1' is named twice")]
    public void No_endpoints(string text, string why)
    {
        EndpointText.Parse(text, out var error).ShouldBeNull();
        error.ShouldBe(why);
    }

    [Test]
    public void Cluster_ids_are_32_digits_and_not_zero()
    {
        ClusterIdText.TryParse("000000000000000000000000000000ff", out var id).ShouldBeTrue();
        ClusterIdText.Write(id).ShouldBe("000000000000000000000000000000ff");
        foreach (var bad in (string[])["", "ff", new string('0', 32), new string('g', 32), new string('1', 33)])
            ClusterIdText.TryParse(bad, out _).ShouldBeFalse(bad);
    }
}

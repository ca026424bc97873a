using KvStore.Protocol.Client;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Protocol.Client;

public sealed class RoundTripTests
{
    [TestCase(0, 0)]
    [TestCase(3, 0)]
    [TestCase(4, 1)]
    [TestCase(15, 1)]
    [TestCase(16, 2)]
    [TestCase(100, 3)]
    public void Distance_is_a_power_of_four(int ms, int expected)
    {
        var roundTrip = new RoundTrip();
        roundTrip.Add(TimeSpan.FromMilliseconds(ms));
        roundTrip.Class.ShouldBe(expected);
    }

    [Test]
    public void One_quick_answer_of_the_latest_four_counts()
    {
        var roundTrip = new RoundTrip();
        roundTrip.Class.ShouldBe(0);
        roundTrip.Add(TimeSpan.FromMilliseconds(1));
        for (var i = 0; i < 3; i++) roundTrip.Add(TimeSpan.FromMilliseconds(50));
        roundTrip.Class.ShouldBe(0);
        roundTrip.Add(TimeSpan.FromMilliseconds(50));
        roundTrip.Class.ShouldBe(2);
    }

    [Test]
    public void Measurements_become_rare()
    {
        var roundTrip = new RoundTrip();
        var start = Environment.TickCount64 + 1000;
        Enumerable.Range(0, 3600).Count(second => roundTrip.IsDue(start + (second * 1000))).ShouldBeInRange(100, 130);
    }
}

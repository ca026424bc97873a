using CsCheck;
using KvStore.Bench.Load;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Bench;

public sealed class LatencyHistogramTests
{
    [Test]
    public void EveryLatencyFallsIntoABucketWithinOnePercentOfIt() =>
        Gen.Long[0, 1L << 41].Sample(static latency =>
            Math.Abs(LatencyHistogram.MiddleOf(LatencyHistogram.IndexOf(latency)) - latency) <= latency / 100.0);

    [Test]
    public void BucketsAreInTheOrderOfTheirLatencies() =>
        Gen.Select(Gen.Long[0, 1L << 43], Gen.Long[0, 1L << 43]).Sample(static (a, b) =>
            a > b || LatencyHistogram.IndexOf(a) <= LatencyHistogram.IndexOf(b));

    [Test]
    public void QuantilesOfAUniformLoadAreThoseOfTheNumbers()
    {
        var histogram = new LatencyHistogram();
        for (int i = 1; i <= 100_000; i++)
            histogram.Record(i);

        histogram.Count.ShouldBe(100_000);
        histogram.Quantile(0.5).ShouldBe(50_000, tolerance: 500);
        histogram.Quantile(0.99).ShouldBe(99_000, tolerance: 990);
        histogram.Quantile(1).ShouldBe(100_000, tolerance: 1000);
    }

    [Test]
    public void TheSlowestOfAHundredIsAboveThe99thPercentile()
    {
        var histogram = new LatencyHistogram();
        for (int i = 0; i < 99; i++)
            histogram.Record(10);
        histogram.Record(1_000_000);

        histogram.Quantile(0.99).ShouldBe(10);
        histogram.Quantile(0.995).ShouldBe(1_000_000, tolerance: 10_000);
    }

    [Test]
    public void NothingRecordedHasNoLatency() => new LatencyHistogram().Quantile(0.5).ShouldBe(0);

    [Test]
    public void LatenciesOutsideTheRangeAreKeptAtItsEnds()
    {
        var histogram = new LatencyHistogram();
        histogram.Record(-1);
        histogram.Record(long.MaxValue);

        histogram.Count.ShouldBe(2);
        histogram.Quantile(0.5).ShouldBe(0);
        histogram.Quantile(1).ShouldBeGreaterThan(1e12);
    }
}

using CsCheck;
using KvStore.Bench.Load;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Bench;

public sealed class LatencyHistogramTests
{
    [Test]
    public void Every_latency_falls_into_a_bucket_within_one_percent_of_it() =>
        Gen.Long[0, 1L << 41].Sample(static latency =>
            Math.Abs(LatencyHistogram.MiddleOf(LatencyHistogram.IndexOf(latency)) - latency) <= latency / 100.0);

    [Test]
    public void Buckets_are_in_the_order_of_their_latencies() =>
        Gen.Select(Gen.Long[0, 1L << 43], Gen.Long[0, 1L << 43]).Sample(static (a, b) =>
            a > b || LatencyHistogram.IndexOf(a) <= LatencyHistogram.IndexOf(b));

    [Test]
    public void Quantiles_of_a_uniform_load_are_those_of_the_numbers()
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
    public void The_slowest_of_a_hundred_is_above_the_99th_percentile()
    {
        var histogram = new LatencyHistogram();
        for (int i = 0; i < 99; i++)
            histogram.Record(10);
        histogram.Record(1_000_000);

        histogram.Quantile(0.99).ShouldBe(10);
        histogram.Quantile(0.995).ShouldBe(1_000_000, tolerance: 10_000);
    }

    [Test]
    public void Nothing_recorded_has_no_latency() => new LatencyHistogram().Quantile(0.5).ShouldBe(0);

    [Test]
    public void Latencies_outside_the_range_are_kept_at_its_ends()
    {
        var histogram = new LatencyHistogram();
        histogram.Record(-1);
        histogram.Record(long.MaxValue);

        histogram.Count.ShouldBe(2);
        histogram.Quantile(0.5).ShouldBe(0);
        histogram.Quantile(1).ShouldBeGreaterThan(1e12);
    }
}

using CsCheck;
using KvStore.Daemon.Ctl.Load;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Daemon.Ctl.Load;

public sealed class LatencyHistogramTests
{
    [Test]
    public void An_empty_one_has_no_quantiles()
    {
        var histogram = new LatencyHistogram();
        histogram.QuantileNs(0.5).ShouldBe(0);
        histogram.MaxNs.ShouldBe(0);
    }

    [Test]
    public void Quantiles_of_a_thousand_steps()
    {
        var histogram = new LatencyHistogram();
        for (var i = 1; i <= 1000; i++) histogram.Record(i * 1000L);
        histogram.Count.ShouldBe(1000);
        histogram.QuantileNs(0.5).ShouldBeInRange(500_000, 500_500);
        histogram.QuantileNs(0.99).ShouldBeInRange(990_000, 990_990);
        histogram.QuantileNs(1).ShouldBe(1_000_000);
        histogram.MaxNs.ShouldBe(1_000_000);
    }

    [Test]
    public void Every_quantile_is_within_a_thousandth_of_the_exact_one() =>
        Gen.Select(Gen.Long[0, 1L << 41].Array[1, 200], Gen.Double[0, 1]).Sample((values, fraction) =>
        {
            var histogram = new LatencyHistogram();
            foreach (var value in values) histogram.Record(value);
            var exact = values.Order().ElementAt((int)Math.Max(1, Math.Ceiling(fraction * values.Length)) - 1);
            var found = histogram.QuantileNs(fraction);
            found.ShouldBeInRange(exact, exact + (exact / 1000));
        });

    [Test]
    public void Durations_outside_the_range_are_counted_at_its_ends()
    {
        var histogram = new LatencyHistogram();
        histogram.Record(-5);
        histogram.Record(long.MaxValue);
        histogram.QuantileNs(0.5).ShouldBe(0);
        histogram.MaxNs.ShouldBe((1L << 42) - 1);
    }
}

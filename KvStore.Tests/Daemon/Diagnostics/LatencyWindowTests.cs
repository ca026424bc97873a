using CsCheck;
using KvStore.Daemon.Diagnostics;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Daemon.Diagnostics;

public sealed class LatencyWindowTests
{
    [Test]
    public void Nothing_observed_has_no_percentile() => new LatencyWindow().Quantiles(0.5)[0].ShouldBe(double.NaN);

    /// <summary>Compared with the exact percentile of the sorted values.</summary>
    [Test]
    public void A_percentile_is_never_too_low_and_at_most_one_bucket_too_high() =>
        Gen.Select(Gen.Long[0, 3_600_000_000_000].Array[1, 500], Gen.Double[0, 1]).Sample((durations, quantile) =>
        {
            var window = new LatencyWindow();
            foreach (var duration in durations) window.Observe(duration);
            Array.Sort(durations);
            var exact = durations[Math.Max(1, (int)Math.Ceiling(quantile * durations.Length)) - 1];
            var measured = window.Quantiles(quantile)[0];
            return measured >= exact && measured <= exact * (1 + (1.0 / 32));
        });

    [Test]
    public void Several_percentiles_are_read_at_once()
    {
        var window = new LatencyWindow();
        for (var i = 1; i <= 31; i++) window.Observe(i);
        window.Quantiles(0, 0.5, 1).ShouldBe([1.0, 16.0, 31.0]);
    }

    [TestCase(-1)]
    [TestCase(long.MinValue)]
    public void A_clock_that_ran_back_counts_as_zero(long duration)
    {
        var window = new LatencyWindow();
        window.Observe(duration);
        window.Quantiles(1)[0].ShouldBe(0);
    }

    [Test]
    public void What_is_longer_than_an_hour_counts_as_an_hour()
    {
        var window = new LatencyWindow();
        window.Observe(long.MaxValue);
        window.Quantiles(1)[0].ShouldBeGreaterThan(3_600e9);
    }

    [Test]
    public void After_six_slices_an_observation_is_forgotten()
    {
        var window = new LatencyWindow();
        window.Observe(10);
        for (var slice = 0; slice < 5; slice++)
        {
            window.Advance();
            window.Quantiles(0.5)[0].ShouldBe(10, $"slice {slice}");
        }

        window.Observe(20);
        window.Advance();
        window.Quantiles(0.5)[0].ShouldBe(20);
    }

    [Test]
    public void No_observation_of_several_threads_is_lost()
    {
        const int each = 100_000;
        var window = new LatencyWindow();
        Parallel.For(0, 4, thread =>
        {
            for (var i = 0; i < each; i++) window.Observe(thread < 2 ? 1 : 2);
        });

        // Exactly half of them are ones: the slightest loss would move one of these.
        window.Quantiles(0.5, 0.5 + (1.0 / (4 * each))).ShouldBe([1.0, 2.0]);
    }
}

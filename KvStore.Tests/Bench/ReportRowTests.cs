using KvStore.Bench.Reports;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Bench;

public sealed class ReportRowTests
{
    [TestCase(250, 100, true)]
    [TestCase(249, 100, false)]
    public void A_goal_against_a_peer_is_held_against_the_ratio(double ours, double peer, bool met) =>
        new ReportRow("put", ours, peer, null, "ops/s", Goal.AtLeast(2.5)).Ok.ShouldBe(met);

    [TestCase(1.9, true)]
    [TestCase(2.1, false)]
    public void A_goal_without_peer_or_limit_is_held_against_the_figure(double ours, bool met) =>
        new ReportRow("gap", ours, null, null, "s", Goal.AtMost(2)).Ok.ShouldBe(met);

    [Test]
    public void A_figure_that_is_missing_meets_no_goal()
    {
        new ReportRow("put", null, 100, null, "ops/s", Goal.AtLeast(2.5)).Ok.ShouldBeNull();
        new ReportRow("put", 100, 0, null, "ops/s", Goal.AtLeast(2.5)).Ok.ShouldBeNull();
    }

    [Test]
    public void Every_line_of_json_has_the_eight_fields_and_then_the_details()
    {
        var row = new ReportRow("strong put", 500, 200, null, "ops/s", Goal.AtLeast(2.5))
        {
            Details = new Dictionary<string, object> { ["clients"] = 64, ["p50_us"] = 12.3456, ["store"] = "kvd" },
        };

        JsonReport.Line(row).ShouldBe(
            """{"name":"strong put","ours":500,"peer":200,"limit":null,"unit":"ops/s","ratio":2.5,"goal":">= 2.5","ok":true,"clients":64,"p50_us":12.346,"store":"kvd"}""");
    }

    [Test]
    public void The_median_is_the_middle()
    {
        Statistics.Median([3, 1, 2]).ShouldBe(2);
        Statistics.Median([4, 1, 2, 3]).ShouldBe(2.5);
        Statistics.Median([]).ShouldBe(double.NaN);
    }
}

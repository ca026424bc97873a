using KvStore.Bench.Reports;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Bench;

public sealed class ReportRowTests
{
    [TestCase(250, 100, true)]
    [TestCase(249, 100, false)]
    public void AGoalAgainstAPeerIsHeldAgainstTheRatio(double ours, double peer, bool met) =>
        new ReportRow("put", ours, peer, null, "ops/s", Goal.AtLeast(2.5)).Ok.ShouldBe(met);

    [TestCase(1.9, true)]
    [TestCase(2.1, false)]
    public void AGoalWithoutPeerOrLimitIsHeldAgainstTheFigure(double ours, bool met) =>
        new ReportRow("gap", ours, null, null, "s", Goal.AtMost(2)).Ok.ShouldBe(met);

    [Test]
    public void AFigureThatIsMissingMeetsNoGoal()
    {
        new ReportRow("put", null, 100, null, "ops/s", Goal.AtLeast(2.5)).Ok.ShouldBeNull();
        new ReportRow("put", 100, 0, null, "ops/s", Goal.AtLeast(2.5)).Ok.ShouldBeNull();
    }

    [Test]
    public void EveryLineOfJsonHasTheEightFieldsAndThenTheDetails()
    {
        var row = new ReportRow("strong put", 500, 200, null, "ops/s", Goal.AtLeast(2.5))
        {
            Details = new Dictionary<string, object> { ["clients"] = 64, ["p50_us"] = 12.3456, ["store"] = "kvd" },
        };

        JsonReport.Line(row).ShouldBe(
            """{"name":"strong put","ours":500,"peer":200,"limit":null,"unit":"ops/s","ratio":2.5,"goal":">= 2.5","ok":true,"clients":64,"p50_us":12.346,"store":"kvd"}""");
    }

    [Test]
    public void TheMedianIsTheMiddle()
    {
        Statistics.Median([3, 1, 2]).ShouldBe(2);
        Statistics.Median([4, 1, 2, 3]).ShouldBe(2.5);
        Statistics.Median([]).ShouldBe(double.NaN);
    }
}

using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Simulation.Planted;

/// <summary>A few planted bugs are hunted each day, so that all have their turn; <c>./build.sh simulate --planted</c> hunts all.</summary>
[TestFixture]
internal sealed class PlantedHuntTests
{
    private const int BugsPerDay = 4;
    private const int Seeds = 200;

    [Test]
    public void The_simulation_finds_the_bugs_of_the_day_and_nothing_without_them()
    {
        var day = (int)(DateTime.UtcNow - DateTime.UnixEpoch).TotalDays;
        var all = PlantedCatalogue.All;
        var bugs = Enumerable.Range(day * BugsPerDay, BugsPerDay).Select(i => all[i % all.Count]).ToList();
        var report = new StringWriter();
        var isRight = PlantedHunt.Run(bugs, Seeds, first: 1, threads: Environment.ProcessorCount, report);
        TestContext.Out.WriteLine(report);
        isRight.ShouldBeTrue(report.ToString());
    }
}

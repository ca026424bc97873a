using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Simulation.Planted;

/// <summary>A planted bug of each part is hunted with every change; <c>./build.sh simulate --planted</c> hunts all.</summary>
[TestFixture]
internal sealed class PlantedHuntTests
{
    private const int Seeds = 60;

    /// <summary>Found within a few seeds each.</summary>
    private static readonly string[] Hunted = ["follower-acks-unsynced", "read-before-term-start", "resend-after-break", "acked-by-everybody", "recycle-last-vote"];

    [Test]
    public void The_simulation_finds_planted_bugs_and_nothing_without_them()
    {
        var bugs = PlantedCatalogue.All.Where(bug => Hunted.Contains(bug.Name)).ToList();
        bugs.Count.ShouldBe(Hunted.Length);
        var report = new StringWriter();
        var isRight = PlantedHunt.Run(bugs, Seeds, first: 1, threads: Environment.ProcessorCount, report);
        TestContext.Out.WriteLine(report);
        isRight.ShouldBeTrue(report.ToString());
    }
}

using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Simulation.Runs;

[TestFixture]
internal sealed class SimulateOptionsTests
{
    [Test]
    public void Every_option_is_understood()
    {
        SimulateOptions.TryParse(["--seeds", "7", "--first", "3", "--seconds", "9", "--threads", "2", "--timeline", "--stop", "--planted", "vote-twice,wal-not-synced"], out var options).ShouldBeNull();
        (options.Seeds, options.First, options.Seconds, options.Threads, options.Timeline, options.Stop).ShouldBe((7, 3ul, 9, 2, true, true));
        options.Planted.ShouldBeTrue();
        options.PlantedNames.ShouldBe(["vote-twice", "wal-not-synced"]);
    }

    [Test]
    public void A_planted_bug_need_not_be_named()
    {
        SimulateOptions.TryParse(["--planted", "--seeds", "5"], out var options).ShouldBeNull();
        (options.Planted, options.PlantedNames.Count, options.Seeds).ShouldBe((true, 0, 5));
    }

    [Test]
    public void Planted_bugs_are_given_more_seeds()
    {
        SimulateOptions.TryParse([], out var plain).ShouldBeNull();
        SimulateOptions.TryParse(["--planted"], out var planted).ShouldBeNull();
        (plain.Seeds, planted.Seeds).ShouldBe((100, 200));
    }

    [TestCase("--seeds")]
    [TestCase("--seeds", "0")]
    [TestCase("--seeds", "many")]
    [TestCase("--forever")]
    [TestCase("5")]
    public void What_is_no_option_is_refused(params string[] args) => SimulateOptions.TryParse(args, out _).ShouldNotBeNull().ShouldContain(args[0]);
}

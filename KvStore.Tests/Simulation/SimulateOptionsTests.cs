using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Simulation;

[TestFixture]
internal sealed class SimulateOptionsTests
{
    [Test]
    public void Every_option_is_understood()
    {
        var options = SimulateOptions.Parse(["--seeds", "7", "--first", "3", "--seconds", "9", "--threads", "2", "--timeline", "--stop", "--planted", "vote-twice,wal-not-synced"]);
        (options.Seeds, options.First, options.Seconds, options.Threads, options.Timeline, options.Stop).ShouldBe((7, 3ul, 9, 2, true, true));
        options.Planted.ShouldBeTrue();
        options.PlantedNames.ShouldBe(["vote-twice", "wal-not-synced"]);
    }

    [Test]
    public void A_planted_bug_need_not_be_named()
    {
        var options = SimulateOptions.Parse(["--planted", "--seeds", "5"]);
        (options.Planted, options.PlantedNames.Count, options.Seeds).ShouldBe((true, 0, 5));
    }

    [Test]
    public void Planted_bugs_are_given_more_seeds()
    {
        SimulateOptions.Parse([]).Seeds.ShouldBe(100);
        SimulateOptions.Parse(["--planted"]).Seeds.ShouldBe(200);
    }

    [TestCase("--seeds")]
    [TestCase("--seeds", "0")]
    [TestCase("--seeds", "many")]
    [TestCase("--forever")]
    [TestCase("5")]
    public void What_is_no_option_is_refused(params string[] args) => Should.Throw<FormatException>(() => SimulateOptions.Parse(args));
}

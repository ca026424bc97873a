using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Simulation.Stories;

[TestFixture]
internal sealed class ClusterStoryTests
{
    [Test]
    public void Keeps_every_promise([Range(1, 12)] int seed)
    {
        using var story = new ClusterStory((ulong)seed);
        var violations = story.Run(seconds: 20);
        violations.ShouldBeEmpty($"seed {seed}\n{string.Join('\n', story.Timeline)}");
        TestContext.Out.WriteLine($"{story.Answered} answers, {story.FastWritesCut} fast writes cut");
    }

    [Test]
    public void Follows_from_its_seed_alone([Range(1, 3)] int seed)
    {
        using var first = new ClusterStory((ulong)seed);
        using var second = new ClusterStory((ulong)seed);
        first.Run(seconds: 10);
        second.Run(seconds: 10);
        second.Timeline.ShouldBe(first.Timeline);
        second.Answered.ShouldBe(first.Answered);
        second.NextDraw.ShouldBe(first.NextDraw);
    }
}

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
}

using KvStore.Core.Primitives;
using KvStore.Core.Storage.Wal;
using KvStore.Tests.Simulation;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage.Wal;

/// <summary>Random histories of submissions, syncs, power cuts and kills, recovery included; what was promised must come back, and nothing else.</summary>
[TestFixture]
public sealed class WalCrashTests
{
    [Test]
    public void What_was_durable_comes_back_after_any_power_cut([Range(0, 9)] int group)
    {
        for (var seed = (ulong)group * 25; seed < (ulong)(group + 1) * 25; seed++) new WalStory(seed).Run();
    }

    [Test]
    public void The_stories_meet_what_they_are_for()
    {
        var cuts = 0;
        var recoveryCuts = 0;
        var torn = 0;
        var recycled = 0;
        var lost = 0;
        for (ulong seed = 0; seed < 60; seed++)
        {
            var story = new WalStory(seed);
            story.Run();
            cuts += story.PowerCuts;
            recoveryCuts += story.PowerCutsInRecovery;
            torn += story.TornTails;
            recycled += story.RecycledSegments;
            lost += story.LostRecords;
        }

        cuts.ShouldBeGreaterThan(50);
        recoveryCuts.ShouldBeGreaterThan(20);
        torn.ShouldBeGreaterThan(5);
        recycled.ShouldBeGreaterThan(50);
        lost.ShouldBeGreaterThan(50);
    }

    [Test]
    public void A_seed_replays_exactly()
    {
        var first = new WalStory(42);
        var second = new WalStory(42);
        first.Run();
        second.Run();
        second.Fingerprint.ShouldBe(first.Fingerprint);
    }
}

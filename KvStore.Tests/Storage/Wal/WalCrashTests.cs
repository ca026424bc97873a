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
    private static int Seeds => int.TryParse(Environment.GetEnvironmentVariable("KVD_STORAGE_SEEDS"), out var seeds) ? seeds : 1_000;

    private static ulong FirstSeed => ulong.TryParse(Environment.GetEnvironmentVariable("KVD_STORAGE_SEED"), out var seed) ? seed : 1;

    /// <summary>Together the stories must meet what they are for.</summary>
    [Test]
    public void What_was_durable_comes_back_after_any_power_cut()
    {
        long cuts = 0, recoveryCuts = 0, torn = 0, recycled = 0, lost = 0;
        for (var seed = FirstSeed; seed < FirstSeed + (ulong)Seeds; seed++)
        {
            var story = new WalStory(seed);
            try
            {
                story.Run();
            }
            catch (Exception e)
            {
                throw new AssertionException($"seed {seed}: {e.Message}", e);
            }

            cuts += story.PowerCuts;
            recoveryCuts += story.PowerCutsInRecovery;
            torn += story.TornTails;
            recycled += story.RecycledSegments;
            lost += story.LostRecords;
        }

        TestContext.Out.WriteLine($"{Seeds} seeds: {cuts} power cuts, {recoveryCuts} in recovery, {torn} torn tails, {recycled} segments recycled, {lost} records lost");
        cuts.ShouldBeGreaterThan(Seeds);
        recoveryCuts.ShouldBeGreaterThan(Seeds / 3);
        torn.ShouldBeGreaterThan(Seeds / 12);
        recycled.ShouldBeGreaterThan(Seeds);
        lost.ShouldBeGreaterThan(Seeds);
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

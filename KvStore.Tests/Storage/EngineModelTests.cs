using KvStore.Core.Primitives;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage;

/// <summary>Random work on an engine beside a model that remembers every entry, with crashes, reopening, snapshots and drops.</summary>
public sealed class EngineModelTests
{
    private static int Seeds => int.TryParse(Environment.GetEnvironmentVariable("KVD_STORAGE_SEEDS"), out var seeds) ? seeds : 1_000;

    private static ulong FirstSeed => ulong.TryParse(Environment.GetEnvironmentVariable("KVD_STORAGE_SEED"), out var seed) ? seed : 1;

    [Test]
    public void Random_work_agrees_with_the_model()
    {
        var tally = ForEachSeed(crashes: false, steps: 60);
        tally.Crashes.ShouldBe(0);
    }

    [Test]
    public void After_a_power_cut_everything_durable_is_there_and_nothing_else()
    {
        var tally = ForEachSeed(crashes: true, steps: 45);
        tally.Crashes.ShouldBeGreaterThan(Seeds);
        tally.CrashesWhileOpening.ShouldBeGreaterThan(Seeds / 20);
    }

    [Test]
    public void A_seed_replays_exactly()
    {
        var fingerprints = Enumerable.Range(0, 2).Select(_ =>
        {
            using var story = new EngineStory(42, crashes: true, new EngineTally());
            story.Run(100);
            return story.Fingerprint;
        }).ToList();
        fingerprints[1].ShouldBe(fingerprints[0]);
    }

    /// <summary>All runs together must have got to the interesting parts: a model test that never does proves nothing.</summary>
    private static EngineTally ForEachSeed(bool crashes, int steps)
    {
        var tally = new EngineTally();
        for (var seed = FirstSeed; seed < FirstSeed + (ulong)Seeds; seed++)
        {
            try
            {
                using var story = new EngineStory(seed, crashes, tally);
                story.Run(steps);
            }
            catch (Exception e)
            {
                throw new AssertionException($"seed {seed}: {e.Message}", e);
            }
        }

        TestContext.Out.WriteLine($"{Seeds} seeds: {tally}");
        tally.Flushes.ShouldBeGreaterThan(Seeds);
        tally.Compactions.ShouldBeGreaterThan(Seeds);
        tally.Installs.ShouldBeGreaterThan(Seeds / 50);
        tally.Drops.ShouldBeGreaterThan(Seeds / 10);
        tally.Reopenings.ShouldBeGreaterThan(Seeds / 10);
        tally.PinnedScans.ShouldBeGreaterThan(Seeds / 10);
        return tally;
    }
}

using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Storage;

/// <summary>Engine and WAL as a node uses them: what was durable in the log is there after any power cut, in tables or in the log.</summary>
public sealed class DurabilityTests
{
    private static int Seeds => int.TryParse(Environment.GetEnvironmentVariable("KVD_STORAGE_SEEDS"), out var seeds) ? seeds : 1_000;

    private static ulong FirstSeed => ulong.TryParse(Environment.GetEnvironmentVariable("KVD_STORAGE_SEED"), out var seed) ? seed : 1;

    [Test]
    public void Nothing_durable_is_lost_between_flushes_and_recycled_segments()
    {
        var tally = new DurableTally();
        for (var seed = FirstSeed; seed < FirstSeed + (ulong)Seeds; seed++)
        {
            try
            {
                using var story = new DurableStory(seed);
                story.Run(90);
                tally += story.Tally;
            }
            catch (Exception e)
            {
                throw new AssertionException($"seed {seed}: {e.Message}", e);
            }
        }

        TestContext.Out.WriteLine($"{Seeds} seeds: {tally}");
        tally.PowerCuts.ShouldBeGreaterThan(Seeds);
        tally.PowerCutsWhileOpening.ShouldBeGreaterThan(Seeds / 2);
        tally.Stops.ShouldBeGreaterThan(Seeds / 10);
        tally.Installs.ShouldBeGreaterThan(Seeds / 2);
        tally.Flushes.ShouldBeGreaterThan(Seeds);
        tally.SegmentsRecycled.ShouldBeGreaterThan(Seeds / 2);
        tally.RecordsLost.ShouldBeGreaterThan(Seeds);
        tally.LogsRestarted.ShouldBeGreaterThan(Seeds / 50);
    }
}

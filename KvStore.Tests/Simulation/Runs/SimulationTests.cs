using System.Diagnostics;
using System.Globalization;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>Whole clusters under faults, from seeds (docs/simulation.md). KVD_SIM_SEEDS and KVD_SIM_FIRST say which.</summary>
[TestFixture]
internal sealed class SimulationTests
{
    private const int DurationMs = 60_000;

    [Test]
    public void Every_promise_is_kept_whatever_goes_wrong()
    {
        var watch = Stopwatch.StartNew();
        var (tally, failures) = (new SimulationTally(), new List<string>());
        SimulationSeeds.Run((ulong)FromEnvironment("KVD_SIM_FIRST", 1), FromEnvironment("KVD_SIM_SEEDS", 200), DurationMs, Environment.ProcessorCount, result =>
        {
            tally.Add(result);
            if (!result.IsClean) failures.Add(SimulateCommand.Describe(result, timeline: false));
            return true;
        });
        TestContext.Out.WriteLine(tally.Text(DurationMs / 1_000, watch.Elapsed));
        failures.ShouldBeEmpty();
    }

    /// <summary>Another process has other hash codes of strings, another heap and other threads.</summary>
    [Test]
    public void A_seed_takes_the_same_way_in_another_process([Range(1001, 1003)] int seed)
    {
        var here = SimulationRun.Of((ulong)seed, 20_000);
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            ArgumentList = { "simulate", "--seeds", "1", "--first", $"{seed}", "--seconds", "20", "--fingerprint" },
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start)!;
        var there = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        there.ShouldContain(here.Fingerprint);
    }

    private static int FromEnvironment(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : otherwise;
}

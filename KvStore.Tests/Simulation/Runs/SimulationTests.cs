using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>
/// The whole product in simulated worlds. KVD_SIM_SEEDS and KVD_SIM_FIRST choose other seeds than those of each change; `./build.sh simulate`
/// does so too, and can show a run and make it smaller.
/// </summary>
[TestFixture]
internal sealed class SimulationTests
{
    private const int DurationMs = 60_000;
    private const int DefaultSeeds = 200;

    [Test]
    public void Keeps_every_promise()
    {
        var watch = Stopwatch.StartNew();
        var tally = new SimulationTally();
        var failures = new List<string>();
        SimulationSeeds.Run((ulong)Setting("KVD_SIM_FIRST", 1), (int)Setting("KVD_SIM_SEEDS", DefaultSeeds), DurationMs, Environment.ProcessorCount, result =>
        {
            tally.Add(result);
            if (!result.IsClean) failures.Add(SimulateCommand.Describe(result, timeline: false));
            return true;
        });
        TestContext.Out.WriteLine(tally.Text(DurationMs / 1_000, watch.Elapsed));
        failures.ShouldBeEmpty();
        if (tally.Runs == DefaultSeeds) tally.Gaps().ShouldBeEmpty("what never happens proves nothing");
    }

    [Test]
    public void A_seed_takes_the_same_way_in_every_process()
    {
        const int seeds = 24, seconds = 20;
        var here = new ConcurrentBag<string>();
        SimulationSeeds.Run(1, seeds, seconds * 1_000, threads: 2, result =>
        {
            here.Add(result.Fingerprint);
            return true;
        });

        Simulate("--seeds", $"{seeds}", "--seconds", $"{seconds}", "--threads", "1", "--fingerprints")
            .Where(line => line.Contains("final draw", StringComparison.Ordinal)).ShouldBe(here, ignoreOrder: true);
    }

    /// <summary>The lines that the command prints in a process of its own.</summary>
    private static string[] Simulate(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [typeof(SimulationTests).Assembly.Location]) { RedirectStandardOutput = true };
        foreach (var argument in (string[])["simulate", .. arguments]) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return text.Split('\n');
    }

    private static long Setting(string name, long otherwise) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } text ? long.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}

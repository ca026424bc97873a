using System.Diagnostics;
using System.Globalization;
using KvStore.Tests.Simulation.Planted;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>
/// `simulate --seeds N [--first S] [--seconds T] [--threads K] [--timeline] [--shrink] [--fingerprints] [--stop]`: runs seeds, on all
/// processors, and tells which broke a promise and how each can be run again. `simulate --planted [NAME,...]`: the same with bugs planted, which must be found.
/// </summary>
internal static class SimulateCommand
{
    private const string Usage = "usage: simulate [--seeds N] [--first S] [--seconds T] [--threads K] [--timeline] [--shrink] [--fingerprints] [--stop] [--planted [NAME,...]]";

    public static int Run(ReadOnlySpan<string> arguments)
    {
        if (SimulateOptions.TryParse(arguments, out var options) is { } trouble)
        {
            Console.Error.WriteLine($"simulate: {trouble}\n{Usage}");
            return 2;
        }

        return (options.Planted ? HuntPlanted(options) : RunSeeds(options)) ? 0 : 1;
    }

    private static bool HuntPlanted(SimulateOptions options)
    {
        var bugs = options.PlantedNames.Count > 0 ? [.. options.PlantedNames.Select(PlantedCatalogue.Find)] : PlantedCatalogue.All;
        return PlantedHunt.Run(bugs, options.Seeds, options.First, options.Threads, Console.Out);
    }

    private static bool RunSeeds(SimulateOptions options)
    {
        var watch = Stopwatch.StartNew();
        var tally = new SimulationTally();
        SimulationSeeds.Run(options.First, options.Seeds, options.Seconds * 1_000, options.Threads, result =>
        {
            if (options.Stop && tally.Failed > 0) return false;
            tally.Add(result);
            if (options.Fingerprints) Console.WriteLine(result.Fingerprint);
            if (!result.IsClean || options.Timeline) Report(result, options);
            else if (tally.Runs % 100 == 0) Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{tally.Runs} runs, {tally.Failed} failed, {watch.Elapsed.TotalSeconds:F0} s"));
            return !options.Stop || result.IsClean;
        });
        Console.WriteLine(tally.Text(options.Seconds, watch.Elapsed));
        Console.WriteLine($"{tally.Runs - tally.Failed} passed, {tally.Failed} failed");
        return tally.Failed == 0;
    }

    private static void Report(RunResult result, SimulateOptions options)
    {
        if (result.IsClean)
        {
            Console.WriteLine($"seed {result.Scenario.Seed}: clean\n{string.Join('\n', result.Timeline)}");
            return;
        }

        Console.WriteLine(Describe(result, options.Timeline));
        if (!options.Shrink) return;
        var smallest = Shrinker.Shrink(result);
        Console.WriteLine($"the smallest that still breaks it, {smallest.Scenario.DurationMs} ms, {smallest.Scenario.Faults.Length} faults:");
        Console.WriteLine(Describe(smallest, timeline: true));
    }

    /// <summary>What was broken, and the command that shows it again.</summary>
    public static string Describe(RunResult result, bool timeline)
    {
        var scenario = result.Scenario;
        var lines = result.Violations.Select(v => $"seed {scenario.Seed}: {v.Check}: {v.Text}").Append(
            $"seed {scenario.Seed} FAILED; again: ./build.sh simulate --seeds 1 --first {scenario.Seed} --seconds {scenario.DurationMs / 1_000} --timeline");
        return string.Join('\n', timeline ? lines.Concat(result.Timeline.Select(line => "    " + line)) : lines);
    }
}

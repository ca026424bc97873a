using System.Diagnostics;
using System.Globalization;
using KvStore.Tests.Simulation.Planted;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>
/// `simulate --seeds N [--first S] [--seconds T] [--threads K] [--timeline] [--shrink] [--fingerprints] [--only FAULTS] [--stop]`: runs seeds, on all
/// processors, and tells which broke a promise and how each can be run again. `simulate --planted [NAME,...]`: the same with bugs planted, which must be found.
/// </summary>
internal static class SimulateCommand
{
    private const string Usage = "usage: simulate [--seeds N] [--first S] [--seconds T] [--threads K] [--timeline] [--shrink] [--fingerprints] [--only FAULTS] [--stop] [--planted [NAME,...]]";

    public static int Run(ReadOnlySpan<string> arguments)
    {
        if (SimulateOptions.TryParse(arguments, out var options) is { } trouble)
        {
            Console.Error.WriteLine($"simulate: {trouble}\n{Usage}");
            return 2;
        }

        if (options.Only is { } only && !FaultChoice.TryApply(Scenario.Draw(options.First, options.Seconds * 1_000).Faults, only, out _))
        {
            Console.Error.WriteLine($"simulate: --only {only} does not choose among the faults of seed {options.First}");
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
        }, options.Only);
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
        var smallest = new Shrinker(SimulationRun.Of).Shrink(result);
        Console.WriteLine($"the smallest that still breaks it, {smallest.Scenario.DurationMs / 1_000} s with these faults:");
        foreach (var fault in smallest.Scenario.Faults) Console.WriteLine($"    {fault}");
        Console.WriteLine(Describe(smallest, timeline: true));
    }

    /// <summary>What was broken, and the command that shows it again.</summary>
    public static string Describe(RunResult result, bool timeline)
    {
        var seed = result.Scenario.Seed;
        var lines = result.Violations.Select(v => $"seed {seed}: {v.Check}: {v.Text}").Append($"seed {seed} FAILED; again: {CommandFor(result.Scenario)} --timeline");
        return string.Join('\n', timeline ? lines.Concat(result.Timeline.Select(line => "    " + line)) : lines);
    }

    private static string CommandFor(Scenario scenario)
    {
        var whole = Scenario.Draw(scenario.Seed, scenario.DurationMs).Faults;
        var only = whole.SequenceEqual(scenario.Faults) ? "" : $" --only {FaultChoice.Of(whole, scenario.Faults)}";
        return $"./build.sh simulate --seeds 1 --first {scenario.Seed} --seconds {scenario.DurationMs / 1_000}{only}";
    }
}

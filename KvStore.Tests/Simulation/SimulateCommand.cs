using System.Diagnostics;
using KvStore.Tests.Simulation.Planted;
using KvStore.Tests.Simulation.Stories;

namespace KvStore.Tests.Simulation;

/// <summary>
/// Runs stories of many seeds, as many at a time as there are processors. The last line is "N passed, N failed"; each seed that failed is
/// named with what was violated and the command that replays it.
/// </summary>
internal static class SimulateCommand
{
    /// <returns>The exit status: 0 if no seed failed, 1 if one did, 2 if the options are wrong.</returns>
    public static int Run(string[] args, TextWriter output)
    {
        try
        {
            var options = SimulateOptions.Parse(args);
            return (options.Planted ? HuntPlanted(options, output) : RunSeeds(options, output)) ? 0 : 1;
        }
        catch (Exception e) when (e is FormatException or ArgumentException)
        {
            Console.Error.WriteLine(e.Message);
            return 2;
        }
    }

    private static bool HuntPlanted(SimulateOptions options, TextWriter output)
    {
        var bugs = options.PlantedNames.Count > 0 ? [.. options.PlantedNames.Select(PlantedCatalogue.Find)] : PlantedCatalogue.All;
        return PlantedHunt.Run(bugs, options.Seeds, options.First, options.Threads, output);
    }

    private static bool RunSeeds(SimulateOptions options, TextWriter output)
    {
        var gate = new Lock();
        var next = options.First;
        var end = options.First + (ulong)options.Seeds;
        var (passed, failed, answers, cut) = (0, 0, 0L, 0L);
        var watch = Stopwatch.StartNew();
        void Work()
        {
            while (true)
            {
                ulong seed;
                lock (gate)
                {
                    if (next >= end || (options.Stop && failed > 0)) return;
                    seed = next++;
                }

                using var story = new ClusterStory(seed);
                var violations = story.Run(options.Seconds);
                lock (gate)
                {
                    answers += story.Answered;
                    cut += story.FastWritesCut;
                    if (violations.Count == 0) passed++;
                    else failed++;
                    if (violations.Count > 0) Report(seed, story, violations, options, output);
                }
            }
        }

        var threads = Enumerable.Range(0, options.Threads).Select(_ => new Thread(Work)).ToList();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        var simulated = (long)(passed + failed) * options.Seconds;
        output.WriteLine($"{answers} answers, {cut} acknowledged fast writes cut by new leaders; {simulated} s simulated in {watch.Elapsed.TotalSeconds:F0} s");
        output.WriteLine($"{passed} passed, {failed} failed");
        return failed == 0;
    }

    private static void Report(ulong seed, ClusterStory story, IReadOnlyList<string> violations, SimulateOptions options, TextWriter output)
    {
        foreach (var violation in violations) output.WriteLine($"seed {seed}: {violation}");
        output.WriteLine($"seed {seed}: replay with: ./build.sh simulate --first {seed} --seeds 1 --seconds {options.Seconds} --timeline");
        if (!options.Timeline) return;
        foreach (var line in story.Timeline) output.WriteLine(line);
    }
}

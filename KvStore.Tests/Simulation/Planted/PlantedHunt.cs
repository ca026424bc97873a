using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using KvStore.Tests.Simulation.Runs;

namespace KvStore.Tests.Simulation.Planted;

/// <summary>
/// Builds the sources with all planted bugs once, switches each on in a process of its own, and runs the simulation until a check finds
/// something, or for a bounded number of seeds. With none switched on nothing may be found.
/// </summary>
internal static partial class PlantedHunt
{
    private const int SecondsPerSeed = 30;
    private const string None = "(none)";

    /// <summary>What became of one bug.</summary>
    /// <param name="CaughtBy">The check; null if it was not caught.</param>
    private sealed record Catch(string Name, string? CaughtBy, int Seeds, TimeSpan Took, string Evidence);

    /// <returns>Whether every bug was caught, and nothing was found without one.</returns>
    public static bool Run(SimulateOptions options, TextWriter output)
    {
        var bugs = options.PlantedName is { } name ? [PlantedCatalogue.Find(name)] : PlantedCatalogue.All;
        output.WriteLine($"building the sources with {PlantedCatalogue.All.Count} planted bugs");
        using var build = PlantedBuild.Make(PlantedCatalogue.All);
        var (passed, failed) = (0, 0);
        var gate = new Lock();
        output.WriteLine($"{"bug",-28} {"caught by",-18} {"seeds",6} {"s",6}");
        Parallel.ForEach(bugs.Select(bug => bug.Name).Prepend(None), new ParallelOptions { MaxDegreeOfParallelism = options.Threads }, bug =>
        {
            var result = Hunt(build, bug, bug == None ? Math.Min(options.Seeds, 20) : options.Seeds, options.First);
            lock (gate)
            {
                var isRight = (result.CaughtBy is null) == (bug == None);
                if (isRight) passed++;
                else failed++;
                output.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{result.Name,-28} {result.CaughtBy ?? "nothing found",-18} {result.Seeds,6} {result.Took.TotalSeconds,6:F1}{(isRight ? "" : "  WRONG " + result.Evidence)}"));
                if (options.Timeline) output.WriteLine(result.Evidence);
            }
        });
        output.WriteLine($"{passed} passed, {failed} failed");
        return failed == 0;
    }

    private static Catch Hunt(PlantedBuild build, string bug, int seeds, ulong first)
    {
        var start = new ProcessStartInfo(build.Executable)
        {
            ArgumentList = { "simulate", "--seeds", $"{seeds}", "--first", $"{first}", "--seconds", $"{SecondsPerSeed}", "--threads", "1", "--stop" },
            RedirectStandardOutput = true,
        };
        start.Environment[PlantedSources.Variable] = bug == None ? "" : bug;
        var watch = Stopwatch.StartNew();
        using var process = Process.Start(start)!;
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        var found = Violation().Match(text);
        var tried = found.Success ? (int)(ulong.Parse(found.Groups["seed"].Value, CultureInfo.InvariantCulture) - first) + 1 : seeds;
        var caughtBy = found.Success ? found.Groups["check"].Value : process.ExitCode is 0 or 1 ? null : $"exit status {process.ExitCode}";
        return new Catch(bug, caughtBy, tried, watch.Elapsed, found.Success ? found.Value : text);
    }

    [GeneratedRegex("^seed (?<seed>[0-9]+): (?<check>[a-z-]+): .*$", RegexOptions.Multiline)]
    private static partial Regex Violation();
}

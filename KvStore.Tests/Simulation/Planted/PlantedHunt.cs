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
    private const int SeedsWithoutBug = 20;
    private const string None = "(none)";

    /// <summary>What became of one bug.</summary>
    /// <param name="CaughtBy">The check; null if it was not caught.</param>
    /// <param name="Seeds">How many were tried.</param>
    /// <param name="Evidence">The violation, or what was printed instead.</param>
    private sealed record Catch(string Name, string? CaughtBy, int Seeds, TimeSpan Took, string Evidence)
    {
        public bool IsRight => (CaughtBy is null) == (Name == None);

        public override string ToString() => string.Create(
            CultureInfo.InvariantCulture,
            $"{Name,-28} {CaughtBy ?? "nothing found",-18} {Seeds,6} {Took.TotalSeconds,6:F1}{(IsRight ? "" : "  WRONG: " + Evidence)}");
    }

    /// <param name="bugs">To be found.</param>
    /// <param name="seeds">To try for each at most.</param>
    /// <param name="first">The first seed.</param>
    /// <param name="threads">How many bugs are looked for at a time.</param>
    /// <param name="output">Gets a table, the evidence, and a last line "N passed, N failed".</param>
    /// <returns>Whether every bug was caught, and nothing was found without one.</returns>
    public static bool Run(IEnumerable<PlantedBug> bugs, int seeds, ulong first, int threads, TextWriter output)
    {
        output.WriteLine($"building the sources with {PlantedCatalogue.All.Count} planted bugs");
        using var build = PlantedBuild.Make(PlantedCatalogue.All);
        var catches = new List<Catch>();
        output.WriteLine($"{"bug",-28} {"caught by",-18} {"seeds",6} {"s",6}");
        Parallel.ForEach(bugs.Select(bug => bug.Name).Prepend(None), new ParallelOptions { MaxDegreeOfParallelism = threads }, bug =>
        {
            var result = Hunt(build, bug, bug == None ? Math.Min(seeds, SeedsWithoutBug) : seeds, first);
            lock (catches)
            {
                catches.Add(result);
                output.WriteLine(result);
            }
        });
        output.WriteLine();
        foreach (var caught in catches.Where(c => c.CaughtBy is not null)) output.WriteLine($"{caught.Name}: {caught.Evidence}");
        var passed = catches.Count(c => c.IsRight);
        output.WriteLine($"{passed} passed, {catches.Count - passed} failed");
        return passed == catches.Count;
    }

    private static Catch Hunt(PlantedBuild build, string bug, int seeds, ulong first)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            ArgumentList = { build.Program, "simulate", "--seeds", $"{seeds}", "--first", $"{first}", "--seconds", $"{SecondsPerSeed}", "--threads", "1", "--stop" },
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

    /// <summary>With the indented lines that go on with it.</summary>
    [GeneratedRegex("^seed (?<seed>[0-9]+): (?<check>[a-z-]+): .*(\n  .*)*", RegexOptions.Multiline)]
    private static partial Regex Violation();
}

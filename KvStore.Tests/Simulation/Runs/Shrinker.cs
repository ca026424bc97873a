using System.Collections.Immutable;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>
/// Makes a failing run smaller: leaves faults out, halves first, then one by one, ends the run sooner, and the faults that are left, too, as
/// long as the same check still fails (delta debugging: Zeller and Hildebrandt, TSE 2002). The clients' choices do not depend on the
/// faults, but what happens to them does: a smaller run may break the promise in another way.
/// </summary>
/// <param name="run">Runs a scenario.</param>
internal sealed class Shrinker(Func<Scenario, RunResult> run)
{
    private const int MaxRuns = 200;
    private const int LeastFaultMs = 20;
    private const int SecondMs = 1_000;
    private int _runsLeft = MaxRuns;

    /// <returns>The smallest run found that fails as the given one does.</returns>
    public RunResult Shrink(RunResult failing)
    {
        var best = EndSooner(failing);
        best = WithFewerFaults(best);
        return EndSooner(WithShorterFaults(best));
    }

    private RunResult WithFewerFaults(RunResult best)
    {
        for (var size = best.Scenario.Faults.Length; size > 0; size /= 2)
        {
            for (var at = 0; at < best.Scenario.Faults.Length;)
            {
                var faults = best.Scenario.Faults;
                if (Try(best, faults.RemoveRange(at, Math.Min(size, faults.Length - at))) is { } smaller) best = smaller;
                else at += size;
            }
        }

        return best;
    }

    private RunResult WithShorterFaults(RunResult best)
    {
        for (var at = 0; at < best.Scenario.Faults.Length; at++)
        {
            while (best.Scenario.Faults[at] is { DurationMs: > LeastFaultMs } fault)
            {
                var shorter = fault with { DurationMs = Math.Max(LeastFaultMs, fault.DurationMs / 2) };
                if (Try(best, best.Scenario.Faults.SetItem(at, shorter)) is not { } smaller) break;
                best = smaller;
            }
        }

        return best;
    }

    private RunResult EndSooner(RunResult best)
    {
        while (best.Scenario.DurationMs > SecondMs)
        {
            var durationMs = best.Scenario.DurationMs * 3 / 4 / SecondMs * SecondMs;
            var shorter = best.Scenario with { DurationMs = Math.Max(SecondMs, durationMs) };
            if (Try(best, shorter with { Faults = [.. shorter.Faults.Where(fault => fault.AtMs < shorter.DurationMs)] }) is not { } sooner) break;
            best = sooner;
        }

        return best;
    }

    private RunResult? Try(RunResult best, ImmutableArray<Fault> faults) => Try(best, best.Scenario with { Faults = faults });

    private RunResult? Try(RunResult best, Scenario scenario)
    {
        if (_runsLeft-- <= 0) return null;
        var result = run(scenario);
        var check = best.Violations[0].Check;
        return result.Violations.Any(violation => violation.Check == check) ? Led(result, check) : null;
    }

    /// <summary>With what is looked for in front.</summary>
    private static RunResult Led(RunResult result, string check) =>
        result with { Violations = [.. result.Violations.OrderBy(violation => violation.Check == check ? 0 : 1)] };
}

using System.Collections.Immutable;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>
/// Makes a failing run smaller: leaves faults out, halves first, then one by one, and ends the run sooner, as long as the same check still
/// fails (delta debugging: Zeller and Hildebrandt, TSE 2002).
/// </summary>
internal static class Shrinker
{
    private const int MaxRuns = 200;

    public static RunResult Shrink(RunResult failing)
    {
        var check = failing.Violations[0].Check;
        var (best, left) = (failing, MaxRuns);
        for (var size = best.Scenario.Faults.Length; size > 0; size /= 2)
        {
            for (var at = 0; at < best.Scenario.Faults.Length;)
            {
                var fewer = best.Scenario.Faults.RemoveRange(at, Math.Min(size, best.Scenario.Faults.Length - at));
                if (!TryBetter(best.Scenario with { Faults = fewer })) at += size;
            }
        }

        while (best.Scenario.DurationMs > 1_000 && TryBetter(Shorter(best.Scenario)))
        {
        }

        return best;

        bool TryBetter(Scenario scenario)
        {
            if (left-- <= 0) return false;
            var result = SimulationRun.Of(scenario);
            if (result.Violations.All(v => v.Check != check)) return false;
            best = result;
            return true;
        }
    }

    private static Scenario Shorter(Scenario scenario)
    {
        var durationMs = scenario.DurationMs * 3 / 4;
        return scenario with { DurationMs = durationMs, Faults = [.. scenario.Faults.Where(f => f.AtMs < durationMs)] };
    }
}

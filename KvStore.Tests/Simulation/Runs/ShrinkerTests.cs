using System.Collections.Immutable;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Simulation.Runs;

[TestFixture]
internal sealed class ShrinkerTests
{
    private static readonly Scenario Whole = Scenario.Draw(7, 60_000) with
    {
        Faults = [.. Enumerable.Range(1, 20).Select(i => new Fault(i * 2_000, 3_000, i % 2 == 0 ? FaultKind.Kill : FaultKind.Pause, 1 + (i % 3)))],
    };

    private int _runs;

    [Test]
    public void What_matters_is_left()
    {
        var (kill, pause) = (Whole.Faults[3], Whole.Faults[10]);
        var smallest = Shrink(scenario => Has(scenario, kill) && Has(scenario, pause) && scenario.DurationMs >= 30_000);
        smallest.Scenario.Faults.Select(fault => fault.AtMs).ShouldBe([kill.AtMs, pause.AtMs]);
        smallest.Scenario.Faults.ShouldAllBe(fault => fault.DurationMs < 50);
        smallest.Scenario.DurationMs.ShouldBeInRange(30_000, 40_000);
        _runs.ShouldBeLessThan(100);
    }

    [Test]
    public void How_long_a_fault_lasts_can_matter()
    {
        var smallest = Shrink(scenario => scenario.Faults.Any(fault => fault is { AtMs: 4_000, DurationMs: >= 1_000 }));
        smallest.Scenario.Faults.ShouldHaveSingleItem().DurationMs.ShouldBe(1_500);
    }

    [Test]
    public void A_run_that_fails_without_faults_has_none_in_the_end()
    {
        var smallest = Shrink(_ => true);
        smallest.Scenario.Faults.ShouldBeEmpty();
        smallest.Scenario.DurationMs.ShouldBe(1_000);
    }

    [Test]
    public void Another_failure_is_not_the_same()
    {
        var smallest = new Shrinker(scenario => Result(scenario, scenario.Faults.Length < 10 ? "another" : "this")).Shrink(Result(Whole, "this"));
        smallest.Violations[0].Check.ShouldBe("this");
        smallest.Scenario.Faults.Length.ShouldBe(10);
    }

    private RunResult Shrink(Func<Scenario, bool> fails) => new Shrinker(scenario =>
    {
        _runs++;
        return Result(scenario, fails(scenario) ? "this" : null);
    }).Shrink(Result(Whole, "this"));

    private static bool Has(Scenario scenario, Fault wanted) => scenario.Faults.Any(fault => fault.AtMs == wanted.AtMs);

    private static RunResult Result(Scenario scenario, string? check) => new(
        scenario, check is null ? [] : [new Violation(check, "")], 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ImmutableDictionary<FaultKind, int>.Empty, []);
}

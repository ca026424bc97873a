using System.Collections.Immutable;
using KvStore.Core.Primitives;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Simulation.Runs;

[TestFixture]
internal sealed class FaultPlanTests
{
    private const int DurationMs = 60_000;

    [Test]
    public void Every_kind_of_fault_occurs_and_no_scenario_has_all()
    {
        var scenarios = Enumerable.Range(1, 200).Select(seed => Scenario.Draw((ulong)seed, DurationMs)).ToList();
        scenarios.SelectMany(scenario => scenario.Faults).Select(fault => fault.Kind).Distinct().Order().ShouldBe(Enum.GetValues<FaultKind>());
        scenarios.SelectMany(scenario => scenario.Operations).Distinct().Order().ShouldBe(Enum.GetValues<Operation>());
        scenarios.Max(scenario => scenario.Faults.Select(fault => fault.Kind).Distinct().Count()).ShouldBeLessThan(Enum.GetValues<FaultKind>().Length / 2);
        scenarios.Select(scenario => scenario.Nodes).Distinct().Order().ShouldBe([3, 4, 5]);
    }

    /// <summary>So that a run can be ended sooner without being another.</summary>
    [Test]
    public void A_shorter_run_has_the_beginning_of_the_plan([Range(1, 20)] int seed)
    {
        var (whole, half) = (Scenario.Draw((ulong)seed, DurationMs), Scenario.Draw((ulong)seed, DurationMs / 2));
        half.Faults.ShouldBe(whole.Faults.Where(fault => fault.AtMs < DurationMs / 2));
        (half with { Faults = [], Operations = [], DurationMs = 0 }).ShouldBe(whole with { Faults = [], Operations = [], DurationMs = 0 });
    }

    [Test]
    public void No_more_than_one_disk_rots([Range(1, 50)] int seed) =>
        FaultPlan.Draw(new Prng((ulong)seed), 5, DurationMs)
            .Where(fault => fault.Kind is FaultKind.BitRot or FaultKind.LogRot or FaultKind.ManifestRot)
            .Select(fault => fault.Node).Distinct().Count().ShouldBeLessThan(2);

    [Test]
    public void A_choice_among_faults_can_be_written_down()
    {
        var whole = Scenario.Draw(3, DurationMs).Faults;
        whole.Length.ShouldBeGreaterThan(4);
        ImmutableArray<Fault> left = [whole[1], whole[3] with { DurationMs = 77 }];
        FaultChoice.Of(whole, left).ShouldBe("2,4:77");
        FaultChoice.TryApply(whole, "2,4:77", out var chosen).ShouldBeTrue();
        chosen.ShouldBe(left);
        FaultChoice.Of(whole, []).ShouldBe("none");
        FaultChoice.TryApply(whole, "none", out chosen).ShouldBeTrue();
        chosen.ShouldBeEmpty();
    }

    [TestCase("0")]
    [TestCase("1000")]
    [TestCase("1:")]
    [TestCase("1:2:3")]
    [TestCase("all")]
    [TestCase("")]
    public void What_is_no_choice_is_refused(string text) => FaultChoice.TryApply(Scenario.Draw(3, DurationMs).Faults, text, out _).ShouldBeFalse();
}

using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Simulation.Runs;

[TestFixture]
internal sealed class SimulationTests
{
    [Test]
    public void Smoke([Range(1, 4)] int seed)
    {
        var watch = System.Diagnostics.Stopwatch.StartNew();
        var result = SimulationRun.Of((ulong)seed, 60_000);
        TestContext.Out.WriteLine($"{watch.ElapsedMilliseconds} ms, {result.Steps} steps, applied {result.Applied} not {result.NotApplied} unknown {result.Unknown} reads {result.Reads} cut {result.CutFastWrites} faults {string.Join(' ', result.Faults)} hash {result.StateHash:x} draw {result.FinalDraw:x}");
        result.Violations.Select(v => v.Check + ": " + v.Text).ShouldBeEmpty(string.Join('\n', result.Timeline));
    }
}

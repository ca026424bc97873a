namespace KvStore.Tests.Simulation.Runs;

/// <summary>A promise that was broken.</summary>
/// <param name="Check">By whose judgement.</param>
internal readonly record struct Violation(string Check, string Text);

/// <summary>What came of a run.</summary>
/// <param name="FinalDraw">The next number of the world's random stream: two runs of a seed that took another way differ in it.</param>
/// <param name="StateHash">Of everything that the replicas held in the end and the clients saw.</param>
/// <param name="Writes">By outcome.</param>
/// <param name="Batches">Of more than one write, applied.</param>
/// <param name="RefusedBatches">Of more than one write, because a condition did not hold.</param>
/// <param name="FastBatches">Of more than one write, acknowledged.</param>
/// <param name="GetsOfMany">Gets of several keys, answered.</param>
/// <param name="LaterPages">Of scans, each after one that was cut short.</param>
/// <param name="CutFastWrites">Acknowledged, and cut by a new leader.</param>
/// <param name="Timeline">Faults and what the nodes logged.</param>
internal sealed record RunResult(
    Scenario Scenario, IReadOnlyList<Violation> Violations, ulong FinalDraw, ulong StateHash, ulong Steps, int Applied, int NotApplied, int Unknown,
    int Reads, int Batches, int RefusedBatches, int FastBatches, int GetsOfMany, int LaterPages, int CutFastWrites, IReadOnlyDictionary<FaultKind, int> Faults, IReadOnlyList<string> Timeline)
{
    public bool IsClean => Violations.Count == 0;

    /// <summary>The same each time a seed is run, in whatever process, or the seed is worth nothing.</summary>
    public string Fingerprint => $"seed {Scenario.Seed}: {Steps} events, final draw {FinalDraw:x16}, state {StateHash:x16}";
}

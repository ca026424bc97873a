namespace KvStore.Tests.Simulation.Checkers;

/// <param name="Key">The key of the first violation, or of the search that was given up.</param>
/// <param name="Explanation">For people: what cannot be, beside what it was tried.</param>
internal sealed record LinearizabilityResult(LinearizabilityVerdict Verdict, string? Key = null, string Explanation = "")
{
    public static readonly LinearizabilityResult Linearizable = new(LinearizabilityVerdict.Linearizable);

    public override string ToString() => Key is null ? $"{Verdict}" : $"{Verdict} of key {Key}: {Explanation}";
}

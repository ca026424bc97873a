namespace KvStore.Tests.Simulation.Checkers;

internal enum LinearizabilityVerdict
{
    Linearizable,
    Violation,

    /// <summary>The search was given up at its bound on states: neither an order nor a proof that there is none.</summary>
    Undecided,
}

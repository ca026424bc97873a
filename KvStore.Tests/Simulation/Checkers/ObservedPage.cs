namespace KvStore.Tests.Simulation.Checkers;

/// <summary>One page of a scan, as it came.</summary>
/// <param name="After">The last key of the page before; empty: this is the first.</param>
/// <param name="Limit">How many records it may have.</param>
internal sealed record ObservedPage(int Client, string Prefix, string After, int Limit, IReadOnlyList<string> Keys, long InvokedNs, long CompletedNs)
{
    public override string ToString() =>
        $"client {Client}: page of at most {Limit} of '{Prefix}' after '{After}' -> {string.Join(", ", Keys)} {Shown.Span(InvokedNs, CompletedNs)}";
}

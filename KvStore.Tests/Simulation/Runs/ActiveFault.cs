namespace KvStore.Tests.Simulation.Runs;

/// <summary>A fault that has begun.</summary>
/// <param name="endNs">When it ends, in the world's time.</param>
internal sealed class ActiveFault(Fault fault, long endNs)
{
    public Fault Fault { get; } = fault;

    public long EndNs { get; } = endNs;

    public bool IsOver { get; private set; }

    /// <returns>False if it had ended before.</returns>
    public bool TryEnd() => !IsOver && (IsOver = true);
}

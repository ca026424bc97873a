namespace KvStore.Bench.Load;

/// <summary>What one closed-loop run measured. Latencies in microseconds.</summary>
/// <param name="Operations">Operations that succeeded inside the measured time.</param>
/// <param name="Seconds">Length of the measured time.</param>
/// <param name="P50Us">Median latency.</param>
/// <param name="P99Us">99th percentile of the latency.</param>
/// <param name="GeneratorCores">CPU time of this process per second of the run: 1.0 is one core.</param>
/// <param name="ServerCores">The same for all servers together.</param>
/// <param name="Errors">Failed operations by message; empty in a clean run.</param>
internal sealed record LoadResult(
    long Operations,
    double Seconds,
    double P50Us,
    double P99Us,
    double GeneratorCores,
    double ServerCores,
    IReadOnlyDictionary<string, long> Errors)
{
    public double OperationsPerSecond => Operations / Seconds;

    /// <summary>CPU of the generator per operation, in microseconds. Compare it between stores: what one generator wastes, its store does not get.</summary>
    public double GeneratorUsPerOperation => 1e6 * GeneratorCores / OperationsPerSecond;

    /// <summary>CPU of all servers per operation, in microseconds; less disturbed by other work on the machine than operations per second.</summary>
    public double ServerUsPerOperation => 1e6 * ServerCores / OperationsPerSecond;

    public long Failures => Errors.Values.Sum();
}

/// <summary>How long a closed loop runs before it is measured, and then while it is.</summary>
internal readonly record struct LoadTiming(TimeSpan WarmUp, TimeSpan Duration);

namespace KvStore.Daemon.Ctl.Load;

/// <summary>What a load run measured.</summary>
/// <param name="Ops">Operations that succeeded.</param>
/// <param name="Elapsed">From the first request to the last answer.</param>
/// <param name="Latencies">Of the operations that succeeded.</param>
/// <param name="Errors">Operations that failed, by the name of the error.</param>
/// <param name="ClientCpu">This process's share of the machine's processors, 0 to 1.</param>
internal sealed record BenchResult(
    long Ops, TimeSpan Elapsed, LatencyHistogram Latencies, IReadOnlyDictionary<string, long> Errors, double ClientCpu)
{
    public double OpsPerSecond => Elapsed > TimeSpan.Zero ? Ops / Elapsed.TotalSeconds : 0;
}

using Prometheus;

namespace KvStore.Daemon.Diagnostics;

/// <summary>
/// kvd_request_duration_seconds by op, mode and result. A series appears with its first observation; after that an observation
/// finds it by index, without a look-up of labels.
/// </summary>
internal sealed class RequestDurations
{
    private static readonly string[] Operations = ["put", "delete", "batch", "get", "multi_get", "scan"];
    private static readonly string[] Modes = ["fast", "strong", "local", "quorum"];
    private static readonly string[] Results = ["ok", "not_found", "condition_failed", "refused", "unknown"];

    private readonly Histogram _family;
    private readonly Histogram.Child?[] _series = new Histogram.Child?[Operations.Length * Modes.Length * Results.Length];

    public RequestDurations(IMetricFactory factory) => _family = factory.CreateHistogram(
        "kvd_request_duration_seconds",
        "Time from the last byte of a request to its answer, on the node that the client asked.",
        ["op", "mode", "result"],
        new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(50e-6, 2, 18) });

    public void Observe(RequestOperation op, RequestMode mode, RequestResult result, double seconds)
    {
        var index = ((((int)op * Modes.Length) + (int)mode) * Results.Length) + (int)result;
        var series = Volatile.Read(ref _series[index]) ?? Create(index, op, mode, result);
        series.Observe(seconds);
    }

    /// <summary>Two threads may both create it: the family gives both the same child.</summary>
    private Histogram.Child Create(int index, RequestOperation op, RequestMode mode, RequestResult result)
    {
        var series = _family.WithLabels(Operations[(int)op], Modes[(int)mode], Results[(int)result]);
        Volatile.Write(ref _series[index], series);
        return series;
    }
}

using System.Globalization;
using Prometheus;

namespace KvStore.Daemon.Diagnostics;

/// <summary>
/// The metrics of one node, in a registry of its own (several nodes may live in one process). What happens is observed here as it happens,
/// from any thread, without allocation; what merely is (<see cref="NodeFigures"/>) is read when somebody asks.
/// </summary>
public sealed class NodeMetrics : IDisposable
{
    private const double SecondsPerNanosecond = 1e-9;

    private static readonly double[] Quantiles = [0.5, 0.95, 0.99, 0.999];

    private readonly CollectorRegistry _registry = Metrics.NewCustomRegistry();
    private readonly RequestDurations _requestDurations;
    private readonly LatencyWindow _requestWindow = new();
    private readonly LatencyWindow _syncWindow = new();
    private readonly Gauge.Child[] _requestLatencies;
    private readonly Histogram _syncDurations;
    private readonly Histogram _batchRecords;
    private readonly FigureFamilies _figures;
    private readonly Lock _collecting = new();
    private readonly Timer _advance;
    private Func<NodeFigures> _readFigures = () => NodeFigures.None;

    /// <summary>Starts a timer that ages the latency windows; <see cref="Dispose"/> ends it.</summary>
    /// <param name="version">What kvd_build_info says.</param>
    public NodeMetrics(string version)
    {
        // Exemplars would look up the current Activity at every observation.
        var factory = Metrics.WithCustomRegistry(_registry);
        factory.ExemplarBehavior = ExemplarBehavior.NoExemplars();
        _requestDurations = new RequestDurations(factory);
        var latencies = factory.CreateGauge("kvd_request_latency_seconds", "Percentiles of the request duration over the last minute; NaN without requests.", ["quantile"]);
        _requestLatencies = [.. Quantiles.Select(q => latencies.WithLabels(q.ToString(CultureInfo.InvariantCulture)))];
        _syncDurations = factory.CreateHistogram(
            "kvd_wal_fsync_duration_seconds", "Duration of one fdatasync of the log.",
            new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(25e-6, 2, 19) });
        _batchRecords = factory.CreateHistogram(
            "kvd_wal_batch_records", "Records that one fdatasync made durable.",
            new HistogramConfiguration { Buckets = Histogram.ExponentialBuckets(1, 2, 14) });
        _figures = new FigureFamilies(factory);
        factory.CreateGauge("kvd_build_info", "1, with the version in a label.", ["version"]).WithLabels(version).Set(1);
        _registry.AddBeforeCollectCallback(Collect);
        _advance = new Timer(_ => AdvanceWindows(), null, LatencyWindow.SliceTime, LatencyWindow.SliceTime);
    }

    /// <summary>From now on a scrape reads the node's figures here, on the scraper's thread.</summary>
    public void ReadFiguresFrom(Func<NodeFigures> read) => Volatile.Write(ref _readFigures, read);

    /// <summary>One request was answered, <paramref name="durationNs"/> nanoseconds after it had arrived.</summary>
    public void ObserveRequest(RequestOperation op, RequestMode mode, RequestResult result, long durationNs)
    {
        _requestDurations.Observe(op, mode, result, durationNs * SecondsPerNanosecond);
        _requestWindow.Observe(durationNs);
    }

    /// <summary>One fdatasync of the log took <paramref name="durationNs"/> nanoseconds and made so many records durable.</summary>
    public void ObserveWalSync(long durationNs, int records)
    {
        _syncDurations.Observe(durationNs * SecondsPerNanosecond);
        _batchRecords.Observe(records);
        _syncWindow.Observe(durationNs);
    }

    /// <summary>A percentile (0 to 1) of fdatasync over the last minute, in nanoseconds; NaN if there was none.</summary>
    public double WalSyncQuantileNs(double quantile) => _syncWindow.Quantiles(quantile)[0];

    /// <summary>All metrics in the text format of Prometheus. Throws what reading the figures throws.</summary>
    public ReadOnlyMemory<byte> ExportText()
    {
        using var text = new MemoryStream();

        // Nothing in it waits: the stream is memory and every callback is synchronous.
        _registry.CollectAndExportAsTextAsync(text).GetAwaiter().GetResult();
        return text.ToArray();
    }

    public void Dispose() => _advance.Dispose();

    private void AdvanceWindows()
    {
        _requestWindow.Advance();
        _syncWindow.Advance();
    }

    private void Collect()
    {
        lock (_collecting)
        {
            _figures.Update(Volatile.Read(ref _readFigures)());
            var latencies = _requestWindow.Quantiles(Quantiles);
            for (var i = 0; i < latencies.Length; i++) _requestLatencies[i].Set(latencies[i] * SecondsPerNanosecond);
        }
    }
}

using KvStore.Bench.Load;
using KvStore.Bench.Probes;
using KvStore.Bench.Reports;

namespace KvStore.Bench.Peers;

/// <summary>Everything that one run of `peers` measured.</summary>
/// <param name="Series">By cell, in the order of measuring.</param>
/// <param name="LimitRounds">The physical limits, measured before every store of every round.</param>
/// <param name="Settings">What each store ran with, by name.</param>
internal sealed record PeersResult(
    IReadOnlyDictionary<LoadCell, LoadSeries> Series,
    IReadOnlyList<PhysicalLimits> LimitRounds,
    IReadOnlyDictionary<string, string> Settings)
{
    /// <summary>Medians over all rounds.</summary>
    public PhysicalLimits Limits => new(
        Statistics.Median(LimitRounds.Select(static round => round.DataSyncUs)),
        Statistics.Median(LimitRounds.Select(static round => round.RoundTripUs)));

    /// <summary>The cell's series, or null if it was not measured.</summary>
    public LoadSeries? Find(string store, ConnectionDesign design, LoadOperation operation, int clients) =>
        Series.GetValueOrDefault(new LoadCell(store, design, operation, clients));
}

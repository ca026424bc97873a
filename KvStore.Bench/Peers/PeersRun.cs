using KvStore.Bench.Load;
using KvStore.Bench.Probes;
using KvStore.Bench.Processes;

namespace KvStore.Bench.Peers;

/// <summary>
/// The measurement itself: rounds in which every store is started alone, filled, loaded in every
/// cell and removed (A B C A B C), so that no store's background work weighs on another and slow
/// drifts of the machine meet all of them.
/// </summary>
internal sealed class PeersRun(PeersOptions options, StoreCatalog stores, TextWriter progress)
{
    private const int FillClients = 256;

    private static readonly TimeSpan ProbeTime = TimeSpan.FromSeconds(1);

    private readonly KeySpace _keys = new(options.Keys, options.ValueBytes);
    private readonly Dictionary<LoadCell, LoadSeries> _series = [];
    private readonly List<PhysicalLimits> _limits = [];

    /// <summary>Settings of each store that was measured, by name.</summary>
    public Dictionary<string, string> Settings { get; } = [];

    public async Task<PeersResult> RunAsync(CancellationToken cancellation)
    {
        for (int round = 1; round <= options.Rounds; round++)
        {
            foreach (string store in options.Stores)
            {
                await progress.WriteLineAsync($"round {round} of {options.Rounds}: {store}");
                _limits.Add(await PhysicalLimits.MeasureAsync(options.DataParent, ProbeTime));
                await MeasureStoreAsync(store, cancellation);
            }
        }
        return new PeersResult(_series, _limits, Settings);
    }

    private async Task MeasureStoreAsync(string store, CancellationToken cancellation)
    {
        await using ServerCluster cluster = stores.Create(store);
        Settings[store] = cluster.Settings;
        await cluster.StartAsync(cancellation);
        await FillAsync(cluster, cancellation);
        foreach (ConnectionDesign design in cluster.Designs)
            foreach (LoadOperation operation in Enum.GetValues<LoadOperation>())
                foreach (int clients in options.ClientCounts)
                    await MeasureCellAsync(cluster, new LoadCell(store, design, operation, clients), cancellation);
    }

    private async Task FillAsync(ServerCluster cluster, CancellationToken cancellation)
    {
        await using ILoadTarget target = cluster.CreateTarget(ConnectionDesign.Multiplexed);
        await target.ConnectAsync(FillClients, cancellation);
        await ClosedLoop.FillAsync(target, _keys, cluster.FillOperation, FillClients, cancellation);
    }

    private async Task MeasureCellAsync(ServerCluster cluster, LoadCell cell, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        await using ILoadTarget target = cluster.CreateTarget(cell.Design);
        if (!target.Supports(cell.Operation))
            return;
        await target.ConnectAsync(cell.Clients, cancellation);
        LoadResult result = await ClosedLoop.MeasureAsync(target, _keys, cell.Operation, cell.Clients, options.Timing, () => cluster.CpuSeconds);
        if (!_series.TryGetValue(cell, out LoadSeries? series))
            _series[cell] = series = new LoadSeries();
        series.Add(result, target.Connections);
    }
}

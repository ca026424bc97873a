using KvStore.Bench.Load;
using KvStore.Bench.Processes;
using KvStore.Bench.Reports;

namespace KvStore.Bench.Cluster;

/// <summary>Runs all scenarios on one store after the other, each store alone on the machine.</summary>
internal sealed class ClusterRun(StoreCatalog stores, TextWriter progress)
{
    public required KeySpace Keys { get; init; }

    public required int Failovers { get; init; }

    public required TimeSpan IdleTime { get; init; }

    public required int Partitions { get; init; }

    public async Task<IReadOnlyList<ReportRow>> RunAsync(IReadOnlyList<string> names, CancellationToken cancellation)
    {
        var rows = new List<ReportRow>();
        foreach (string name in names)
        {
            await using ServerCluster cluster = stores.Create(name);
            await progress.WriteLineAsync($"{name}: {cluster.Settings}");
            await cluster.StartAsync(cancellation);
            await RunStoreAsync(cluster, rows, cancellation);
        }
        return rows;
    }

    private async Task RunStoreAsync(ServerCluster cluster, List<ReportRow> rows, CancellationToken cancellation)
    {
        await progress.WriteLineAsync($"{cluster.Name}: idle");
        rows.AddRange(await IdleScenario.RunAsync(cluster, IdleTime, cancellation));
        await progress.WriteLineAsync($"{cluster.Name}: tool");
        rows.AddRange(await ToolScenario.RunAsync(cluster, Keys, cancellation));
        await progress.WriteLineAsync($"{cluster.Name}: {Keys.Count} records, restart");
        rows.AddRange(await new LoadedScenario(cluster, Keys).RunAsync(cancellation));
        // The others' clients here speak to one leader that they found at the start; only kvd's follows a failover.
        if (cluster.Name != "kvd" || Failovers == 0)
            return;
        await progress.WriteLineAsync($"{cluster.Name}: {Failovers} failovers");
        rows.AddRange(await new FailoverScenario(cluster, Keys, Partitions).RunAsync(Failovers, cancellation));
    }
}

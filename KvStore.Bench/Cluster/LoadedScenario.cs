using System.Diagnostics;
using KvStore.Bench.Load;
using KvStore.Bench.Processes;
using KvStore.Bench.Reports;

namespace KvStore.Bench.Cluster;

/// <summary>
/// A cluster full of records: its memory, and how long all of it takes to come back. Back means that every
/// server is, replicas in sync included, and that keys of the whole range have been read.
/// </summary>
internal sealed class LoadedScenario(ServerCluster cluster, KeySpace keys)
{
    private const int FillClients = 256;
    private const int CheckedKeys = 1000;

    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(5);

    public async Task<IReadOnlyList<ReportRow>> RunAsync(CancellationToken cancellation)
    {
        await FillAsync(cancellation);
        await Task.Delay(Settling, cancellation);
        double memory = Memory.LargestMegabytes(cluster);
        double afterStop = await RestartAsync(cleanly: true, cancellation);
        double afterKill = await RestartAsync(cleanly: false, cancellation);
        return
        [
            FigureRow.Of(cluster, $"RSS of a node with {keys.Count} records", memory, "MB", Goal.AtMost(700)),
            FigureRow.Of(cluster, $"restart of all nodes with {keys.Count} records", afterStop, "s", Goal.AtMost(5)),
            FigureRow.Of(cluster, $"the same after kill -9 of all", afterKill, "s", Goal.AtMost(5)),
        ];
    }

    private async Task FillAsync(CancellationToken cancellation)
    {
        await using ILoadTarget target = cluster.CreateTarget(ConnectionDesign.Multiplexed);
        await target.ConnectAsync(FillClients, cancellation);
        await ClosedLoop.FillAsync(target, keys, cluster.FillOperation, FillClients, cancellation);
    }

    /// <summary>Seconds from the start of the processes until a sample of all keys has been read by the strongest read there is.</summary>
    private async Task<double> RestartAsync(bool cleanly, CancellationToken cancellation)
    {
        await cluster.StopAsync(cleanly);
        long started = Stopwatch.GetTimestamp();
        await cluster.StartAsync(cancellation);
        await using ILoadTarget target = cluster.CreateTarget(ConnectionDesign.Multiplexed);
        await target.ConnectAsync(1, cancellation);
        LoadOperation read = target.Supports(LoadOperation.QuorumGet) ? LoadOperation.QuorumGet : LoadOperation.LocalGet;
        for (int i = 0; i < CheckedKeys; i++)
            await target.RunOnceAsync(0, read, keys.Key((int)((long)i * keys.Count / CheckedKeys)), default);
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }
}

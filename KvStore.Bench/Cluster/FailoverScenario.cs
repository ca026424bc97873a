using System.Diagnostics;
using KvStore.Bench.Load;
using KvStore.Bench.Processes;
using KvStore.Bench.Reports;
using KvStore.Core.Primitives;
using KvStore.Protocol.Wire;

namespace KvStore.Bench.Cluster;

/// <summary>
/// kill -9 of one node under strong load: how long until a strong put that began after the kill
/// has succeeded on every partition. One probe per partition beside the load, so that no
/// partition waits for its turn in the load.
/// </summary>
internal sealed class FailoverScenario(ServerCluster cluster, KeySpace keys, int partitions)
{
    private const int LoadClients = 64;

    private static readonly TimeSpan LoadBeforeKill = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromMilliseconds(5);

    private readonly int[] _keyOfPartition = OneKeyEach(keys, partitions);

    /// <summary>Kills a node <paramref name="times"/> times, each in turn, and brings it back each time; rows for the median and the worst gap.</summary>
    public async Task<IReadOnlyList<ReportRow>> RunAsync(int times, CancellationToken cancellation)
    {
        var gaps = new List<double>();
        for (int round = 0; round < times; round++)
        {
            gaps.Add((await KillOneAsync(round % ServerCluster.Servers, cancellation)).TotalSeconds);
            await cluster.StartAsync(cancellation);
        }
        return
        [
            FigureRow.Of(cluster, $"gap in strong puts after kill -9, median of {times}", Statistics.Median(gaps), "s", null),
            FigureRow.Of(cluster, $"gap in strong puts after kill -9, worst of {times}", gaps.Max(), "s", Goal.AtMost(2)),
        ];
    }

    private async Task<TimeSpan> KillOneAsync(int server, CancellationToken cancellation)
    {
        await using ILoadTarget target = cluster.CreateTarget(ConnectionDesign.Multiplexed);
        await target.ConnectAsync(LoadClients + partitions, cancellation);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        stop.CancelAfter(LoadBeforeKill + Patience);
        Task[] load = [.. Enumerable.Range(0, LoadClients).Select(client => Task.Run(() => LoadAsync(target, client, stop.Token), cancellation))];
        await Task.Delay(LoadBeforeKill, cancellation);

        long killedAt = Stopwatch.GetTimestamp();
        Task killing = cluster.KillAsync(server);
        Task<bool>[] probes = [.. Enumerable.Range(0, partitions).Select(partition => Task.Run(() => ProbeAsync(target, partition, stop.Token), cancellation))];
        bool[] recovered = await Task.WhenAll(probes);
        TimeSpan gap = Stopwatch.GetElapsedTime(killedAt);

        await stop.CancelAsync();
        await Task.WhenAll([killing, .. load]);
        int silent = recovered.Count(static isBack => !isBack);
        return silent == 0 ? gap : throw new LoadFailedException($"{silent} partitions took no strong put within {Patience.TotalSeconds} s of a kill");
    }

    private async Task LoadAsync(ILoadTarget target, int client, CancellationToken stop)
    {
        var random = new Prng(KeySpace.Seed + (ulong)client);
        while (!stop.IsCancellationRequested)
            await TryPutAsync(target, client, keys.Key(random.Next(keys.Count)));
    }

    /// <summary>Puts into one partition until a put succeeds; false if the time is up.</summary>
    private async Task<bool> ProbeAsync(ILoadTarget target, int partition, CancellationToken stop)
    {
        ReadOnlyMemory<byte> key = keys.Key(_keyOfPartition[partition]);
        while (!stop.IsCancellationRequested)
        {
            if (await TryPutAsync(target, LoadClients + partition, key))
                return true;
        }
        return false;
    }

    private async Task<bool> TryPutAsync(ILoadTarget target, int client, ReadOnlyMemory<byte> key)
    {
        try
        {
            await target.RunOnceAsync(client, LoadOperation.StrongPut, key, keys.Value);
            return true;
        }
        catch (LoadFailedException)
        {
            // Refusals and lost connections are what a kill looks like; the gap counts them.
            await Task.Delay(PauseAfterFailure);
            return false;
        }
    }

    private static int[] OneKeyEach(KeySpace keys, int partitions)
    {
        var found = new int[partitions];
        Array.Fill(found, -1);
        for (int key = 0; key < keys.Count; key++)
            found[KeyPartition.Of(keys.Key(key).Span, partitions)] = key;
        return found.Contains(-1) ? throw new ArgumentException($"{keys.Count} keys do not reach all {partitions} partitions") : found;
    }
}

using KvStore.Protocol.Client;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Processes;

/// <summary>What 10,000 idle connections and three hostile clients do to the latency of 16 that behave. Takes two minutes and a quiet machine: run by name.</summary>
[TestFixture]
[Explicit("measures; wants the machine for itself")]
[NonParallelizable]
internal sealed class ManyConnectionsTests
{
    private const int Rounds = 3;
    private const int Idle = 10_000;

    /// <summary>Long enough for the nodes to ping every idle connection once.</summary>
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(17);

    [TestCase(false)]
    [TestCase(true)]
    public async Task Ten_thousand_idle_connections_leave_p99_within_twice(bool hostile)
    {
        using var cluster = new KvdCluster();
        var node = cluster.Nodes[0];
        await using var load = await SteadyLoad.StartAsync(cluster);
        await load.MeasureAsync(Window);
        var memoryBefore = node.ResidentBytes;
        var quiet = new List<LatencyFigures>();
        var disturbed = new List<LatencyFigures>();
        for (var round = 0; round < Rounds; round++)
        {
            quiet.Add(await load.MeasureAsync(Window));
            disturbed.Add(await MeasureDisturbedAsync(cluster, load, hostile, memoryBefore));
            await TestContext.Out.WriteLineAsync($"quiet: {quiet[^1]}\nwith {Idle} idle{(hostile ? " and three hostile" : "")}: {disturbed[^1]}");
        }

        var ratio = MedianP99(disturbed) / MedianP99(quiet);
        await TestContext.Out.WriteLineAsync($"p99 with, divided by p99 without, medians of {Rounds}: {ratio:0.00}");
        load.ShouldHaveNoErrors();
        cluster.Nodes.ShouldAllBe(n => n.IsRunning);
        ratio.ShouldBeLessThan(2);
    }

    private static async Task<LatencyFigures> MeasureDisturbedAsync(KvdCluster cluster, SteadyLoad load, bool hostile, long memoryBefore)
    {
        var node = cluster.Nodes[0];
        var idle = new List<RawConnection>(Idle);
        for (var i = 0; i < Idle; i++) idle.Add(await RawConnection.GreetAsync(node));
        var staying = idle.ConvertAll(c => c.StayAsync());
        using var enough = new CancellationTokenSource();
        var hostility = hostile ? MisbehaveAsync(cluster, enough.Token) : Task.CompletedTask;
        var figures = await load.MeasureAsync(Window);
        await TestContext.Out.WriteLineAsync(
            $"node {node.Name} has {(node.ResidentBytes - memoryBefore) >> 20} MiB more, {staying.Count(s => s.IsCompleted)} of {Idle} idle connections were closed");
        staying.Count(s => s.IsCompleted).ShouldBe(0);
        await enough.CancelAsync();
        idle.ForEach(c => c.Dispose());
        await Task.WhenAll(staying);
        await hostility;
        return figures;
    }

    private static async Task MisbehaveAsync(KvdCluster cluster, CancellationToken enough)
    {
        var node = cluster.Nodes[0];
        var key = "large"u8.ToArray();
        await using (var client = await KvClient.ConnectAsync(new KvClientOptions { Endpoints = [node.Endpoint] }, enough))
        {
            var value = new byte[64 << 10];
            new Random(1).NextBytes(value);
            await client.PutAsync(key, value, WriteOptions.Strong, enough);
        }

        using var deaf = await RawConnection.GreetAsync(node, 4096);
        using var slow = await RawConnection.GreetAsync(node);
        var request = RawConnection.FrameOf(FrameType.Get, 1, o => GetRequest.Encode(o, ReadConsistency.Quorum, key));
        await Task.WhenAll(
            HostileClients.AskAndNeverReadAsync(deaf, key, enough),
            HostileClients.SendOneByteASecondAsync(slow, request, enough),
            HostileClients.SendGarbageAsync(node, enough));
    }

    private static double MedianP99(List<LatencyFigures> figures) => figures.Select(f => f.P99Ms).Order().ElementAt(figures.Count / 2);
}

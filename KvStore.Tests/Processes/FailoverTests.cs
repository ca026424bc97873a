using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using KvStore.Protocol.Client;
using KvStore.Protocol.Messages;
using KvStore.Tests.Simulation.Checkers;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Processes;

/// <summary>
/// kill -9 of the node that leads most, under fast writes of keys that are written once and strong operations on keys that all clients share;
/// then it is started again.
/// </summary>
[TestFixture]
[NonParallelizable]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class FailoverTests
{
    private const int FastLoops = 8;
    private const int ContendingLoops = 8;
    private const int ContendedKeys = 8;

    private readonly ConcurrentQueue<byte[]> _fast = new();
    private readonly HistoryRecorder _history = new();
    private long _strong;

    [Test]
    public async Task Fast_writes_are_there_or_counted_and_strong_ones_stay_linearizable_and_the_replicas_become_equal()
    {
        using var cluster = new KvdCluster();
        await using var client = await KvClient.ConnectAsync(new KvClientOptions { Endpoints = [.. cluster.Nodes.Select(n => n.Endpoint)] });
        using var stop = new CancellationTokenSource();
        var loops = Enumerable.Range(0, FastLoops).Select(i => Task.Run(() => PutFastAsync(client, i, stop.Token)))
            .Concat(Enumerable.Range(0, ContendingLoops).Select(i => Task.Run(() => ContendAsync(client, i, stop.Token)))).ToArray();

        Advance(1_000);
        var victim = await LeaderOfMostAsync(client, cluster);
        victim.Kill();
        Advance(1_000);
        victim.Start(cluster.Options);
        Advance(1_000);
        await stop.CancelAsync();
        await Task.WhenAll(loops);

        cluster.WaitUntilWritable();
        var contents = await ReplicaContents.EqualOnAll(cluster, TimeSpan.FromSeconds(30));
        var missing = await MissingAsync(client, [.. _fast]);
        var cut = (await Task.WhenAll(cluster.Nodes.Select(n => n.MetricAsync("kvd_fast_writes_cut_total")))).Sum();
        var unknown = _history.Operations.Count(o => o.Outcome == RegisterOutcome.Unknown);
        await TestContext.Out.WriteLineAsync(
            $"killed {victim.Name}; {_fast.Count} fast writes acknowledged, {missing} missing, {cut} counted as cut; {_history.Operations.Count} strong operations, {unknown} unknown; {contents.Records} records equal on all nodes");
        ((double)missing).ShouldBeLessThanOrEqualTo(cut);
        LinearizabilityChecker.Check(_history.Operations).ToString().ShouldBe(LinearizabilityResult.Linearizable.ToString());
    }

    /// <summary>Without followers a primary acknowledges fast writes for as long as it believes to lead; the others then go on without it.</summary>
    [Test]
    public async Task Fast_writes_that_only_a_dead_primary_held_are_counted_when_it_returns()
    {
        using var cluster = new KvdCluster(16);
        var alone = cluster.Nodes[0];
        await using (var client = await KvClient.ConnectAsync(new KvClientOptions { Endpoints = [alone.Endpoint], CoordinatorOnly = true, Timeout = TimeSpan.FromSeconds(1) }))
        {
            cluster.Nodes[1].Kill();
            cluster.Nodes[2].Kill();
            using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(3));
            await Task.WhenAll(Enumerable.Range(0, FastLoops).Select(i => Task.Run(() => PutFastAsync(client, i, stop.Token))));
        }

        alone.Kill();
        cluster.Nodes[1].Start(cluster.Options);
        cluster.Nodes[2].Start(cluster.Options);
        cluster.WaitUntilLed();
        alone.Start(cluster.Options);
        cluster.WaitUntilWritable();
        await ReplicaContents.EqualOnAll(cluster, TimeSpan.FromSeconds(30));

        await using var reader = await KvClient.ConnectAsync(new KvClientOptions { Endpoints = [.. cluster.Nodes.Select(n => n.Endpoint)] });
        var missing = await MissingAsync(reader, [.. _fast]);
        var cut = (await Task.WhenAll(cluster.Nodes.Select(n => n.MetricAsync("kvd_fast_writes_cut_total")))).Sum();
        await TestContext.Out.WriteLineAsync($"{_fast.Count} fast writes acknowledged by {alone.Name} alone, {missing} missing, {cut} counted as cut");
        missing.ShouldBeGreaterThan(0);
        ((double)missing).ShouldBeLessThanOrEqualTo(cut);
    }

    /// <summary>Waits for progress of both kinds of load.</summary>
    private void Advance(int operations)
    {
        var (fast, strong) = (_fast.Count, Volatile.Read(ref _strong));
        Eventually.Holds(() => _fast.Count > fast + operations && Volatile.Read(ref _strong) > strong + operations, TimeSpan.FromSeconds(60));
    }

    private static async Task<KvdProcess> LeaderOfMostAsync(KvClient client, KvdCluster cluster)
    {
        var leaders = (await client.TopologyAsync()).Leaders;
        var led = await Task.WhenAll(cluster.Nodes.Select(async n => (Node: n, Id: (await client.StatusAsync(n.Endpoint)).Node)));
        return led.MaxBy(n => leaders.Count(l => l == n.Id)).Node;
    }

    private static async Task<int> MissingAsync(KvClient client, byte[][] keys)
    {
        var missing = 0;
        foreach (var chunk in keys.Chunk(1000))
        {
            var results = await client.GetManyAsync([.. chunk.Select(k => (ReadOnlyMemory<byte>)k)], ReadOptions.Quorum);
            results.ShouldAllBe(r => r.Error == KvError.None);
            missing += results.Count(r => !r.Found);
        }

        return missing;
    }

    private async Task PutFastAsync(KvClient client, int loop, CancellationToken stop)
    {
        for (var n = 0; !stop.IsCancellationRequested; n++)
        {
            var key = Encoding.UTF8.GetBytes($"fast{loop}/{n}");
            try
            {
                await client.PutAsync(key, key, default, CancellationToken.None);
                _fast.Enqueue(key);
            }
            catch (KvException)
            {
                // Not acknowledged: it may be there or not.
            }
        }
    }

    private async Task ContendAsync(KvClient client, int loop, CancellationToken stop)
    {
        var random = new Random(loop);
        for (var n = 0; !stop.IsCancellationRequested; n++)
        {
            var key = $"contended{random.Next(ContendedKeys)}";
            var operation = new RegisterOperation
            {
                Client = loop,
                Key = key,
                Action = random.Next(2) == 0 ? RegisterAction.Get : random.Next(8) == 0 ? RegisterAction.Delete : RegisterAction.Put,
                Outcome = RegisterOutcome.Unknown,
                Value = string.Create(CultureInfo.InvariantCulture, $"{loop}.{n}"),
                InvokedAt = _history.Tick(),
            };
            _history.Record(await RunAsync(client, operation));
            Interlocked.Increment(ref _strong);
        }
    }

    private async Task<RegisterOperation> RunAsync(KvClient client, RegisterOperation operation)
    {
        var key = Encoding.UTF8.GetBytes(operation.Key);
        try
        {
            switch (operation.Action)
            {
                case RegisterAction.Get:
                    var read = await client.GetAsync(key, ReadOptions.Quorum, CancellationToken.None);
                    operation = operation with
                    {
                        Value = read.Found ? Encoding.UTF8.GetString(read.Value.Span) : null,
                        Revision = read.Found ? read.Revision.ToString() : null,
                    };
                    break;
                case RegisterAction.Delete:
                    var deleted = await client.DeleteAsync(key, WriteOptions.Strong, CancellationToken.None);
                    operation = operation with { Value = null, Existed = deleted.Existed };
                    break;
                default:
                    var put = await client.PutAsync(key, Encoding.UTF8.GetBytes(operation.Value!), WriteOptions.Strong, CancellationToken.None);
                    operation = operation with { Revision = put.Revision.ToString() };
                    break;
            }

            return operation with { Outcome = RegisterOutcome.Ok, ReturnedAt = _history.Tick() };
        }
        catch (KvException e)
        {
            return operation with { Outcome = e.Outcome == Outcome.NotApplied ? RegisterOutcome.NotApplied : RegisterOutcome.Unknown, ReturnedAt = _history.Tick() };
        }
    }
}

using System.Text;
using KvStore.Protocol.Client;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Processes;

/// <summary>A node that was away for longer than the log lasts.</summary>
[TestFixture]
[NonParallelizable]
internal sealed class CatchUpTests
{
    private const int Writers = 8;
    private const int Keys = 3_000;
    private const int Partitions = 16;

    // One flush of the memtables is far more than a segment, so that the log is recycled while the node is away.
    private static readonly Dictionary<string, string> SmallLog = new()
    {
        ["KVD_STORAGE__MEMTABLE"] = "1MiB",
        ["KVD_STORAGE__WAL_SEGMENT"] = "1MiB",
        ["KVD_STORAGE__WAL_RETENTION"] = "2MiB",
    };

    [Test]
    public async Task A_node_past_the_retained_log_catches_up_by_snapshot_and_tail_under_load_and_is_equal()
    {
        using var cluster = new KvdCluster(SmallLog, Partitions);
        var away = cluster.Nodes[2];
        await using var client = await KvClient.ConnectAsync(new KvClientOptions { Endpoints = [.. cluster.Nodes.Select(n => n.Endpoint)] });
        var written = 0L;
        using var stop = new CancellationTokenSource();
        var writers = Enumerable.Range(0, Writers).Select(w => Task.Run(() => WriteAsync(w))).ToArray();

        Eventually.Holds(() => Volatile.Read(ref written) > 200, TimeSpan.FromSeconds(30));
        away.Kill();
        var killed = Volatile.Read(ref written);
        Eventually.Holds(() => Volatile.Read(ref written) > killed + 5_000, TimeSpan.FromSeconds(120));
        away.Start(cluster.Options);
        var restarted = Volatile.Read(ref written);
        Eventually.Holds(() => away.Log.Contains("installed a snapshot", StringComparison.Ordinal), TimeSpan.FromSeconds(60));

        // The tail: what is written while and after the snapshot goes over.
        Eventually.Holds(() => Volatile.Read(ref written) > restarted + 500, TimeSpan.FromSeconds(60));
        await stop.CancelAsync();
        await Task.WhenAll(writers);
        var contents = await ReplicaContents.EqualOnAll(cluster, TimeSpan.FromSeconds(30));
        contents.Records.ShouldBeGreaterThan(Keys / 2);
        cluster.Nodes.ShouldAllBe(n => n.IsRunning);
        var installed = away.Log.Split("installed a snapshot").Length - 1;
        await TestContext.Out.WriteLineAsync($"{written} writes, {contents.Records} records equal on three nodes, {installed} of {Partitions} partitions by snapshot");

        // Fast and strong, values of 4 KiB, every tenth a delete: 20 MiB and more go through a log of 2 MiB.
        async Task WriteAsync(int writer)
        {
            var random = new Random(writer);
            var value = new byte[4096];
            while (!stop.IsCancellationRequested)
            {
                random.NextBytes(value);
                var key = Encoding.UTF8.GetBytes($"key{random.Next(Keys)}");
                var options = random.Next(2) == 0 ? WriteOptions.Strong : default;
                try
                {
                    if (random.Next(10) == 0) await client.DeleteAsync(key, options, CancellationToken.None);
                    else await client.PutAsync(key, value, options, CancellationToken.None);
                    Interlocked.Increment(ref written);
                }
                catch (KvException)
                {
                    // Refused or unknown while primaries change: the replicas must agree on it, whatever it became.
                }
            }
        }
    }
}

using System.Collections.Concurrent;
using System.Text;
using KvStore.Protocol.Client;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Processes;

/// <summary>kill -9 of a node that leads, while 64 loops write: nothing acknowledged may be missing afterwards.</summary>
[TestFixture]
[NonParallelizable]
internal sealed class KillUnderLoadTests
{
    private const int Clients = 64;
    private const int KeysPerClient = 20;

    [Test]
    public async Task Nothing_acknowledged_is_missing_after_kill_9_of_a_primary()
    {
        using var cluster = new KvdCluster();
        await using var client = await KvClient.ConnectAsync(new KvClientOptions { Endpoints = [.. cluster.Nodes.Select(n => n.Endpoint)] });
        var acknowledged = new ConcurrentDictionary<string, int>();
        var maybe = new ConcurrentDictionary<string, int>();
        var writes = 0;
        using var stop = new CancellationTokenSource();
        var loops = Enumerable.Range(0, Clients).Select(i => Task.Run(() => WriteAsync(i))).ToArray();

        Eventually.Holds(() => Volatile.Read(ref writes) > 2_000, TimeSpan.FromSeconds(30));
        cluster.Nodes[0].Kill();
        var killed = DateTime.UtcNow;
        var before = Volatile.Read(ref writes);
        await FirstSuccessOnEveryPartition(client);
        var gap = DateTime.UtcNow - killed;
        await TestContext.Out.WriteLineAsync($"strong writes on every partition {gap.TotalSeconds:0.00} s after the kill");
        Eventually.Holds(() => Volatile.Read(ref writes) > before + 2_000, TimeSpan.FromSeconds(30));
        await stop.CancelAsync();
        await Task.WhenAll(loops);
        gap.ShouldBeLessThan(TimeSpan.FromSeconds(10));

        cluster.Nodes[0].Start(cluster.Options);
        cluster.WaitUntilWritable();
        foreach (var (key, value) in acknowledged)
        {
            var read = await client.GetAsync(Encoding.UTF8.GetBytes(key), ReadOptions.Quorum);
            read.Found.ShouldBeTrue(key);
            var found = int.Parse(Encoding.UTF8.GetString(read.Value.Span));
            found.ShouldBeGreaterThanOrEqualTo(value, key);
            if (found > value) found.ShouldBeLessThanOrEqualTo(maybe.GetValueOrDefault(key), key);
        }

        // Each loop owns its keys, so the newest acknowledged value of a key is known; a later unknown one may stand there too.
        async Task WriteAsync(int loop)
        {
            for (var n = 1; !stop.IsCancellationRequested; n++)
            {
                var key = $"loop{loop}/{n % KeysPerClient}";
                try
                {
                    await client.PutAsync(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes($"{n}"), WriteOptions.Strong, CancellationToken.None);
                    acknowledged[key] = n;
                    Interlocked.Increment(ref writes);
                }
                catch (KvException e) when (e.Outcome != Outcome.NotApplied)
                {
                    maybe[key] = n;
                }
                catch (KvException)
                {
                    // Refused: it has no effect, and the check above would show it if it had.
                }
            }
        }
    }

    private static async Task FirstSuccessOnEveryPartition(KvClient client)
    {
        var topology = await client.TopologyAsync();
        var left = new HashSet<int>(Enumerable.Range(0, topology.PartitionCount));
        var deadline = DateTime.UtcNow.AddSeconds(30);
        for (var i = 0; left.Count > 0 && DateTime.UtcNow < deadline; i++)
        {
            var key = Encoding.UTF8.GetBytes($"probe{i}");
            var partition = KeyPartition.Of(key, topology.PartitionCount);
            if (!left.Contains(partition)) continue;
            try
            {
                await client.PutAsync(key, key, WriteOptions.Strong with { Timeout = TimeSpan.FromSeconds(10) });
                left.Remove(partition);
            }
            catch (KvException)
            {
                // Tried again with the next key of the partition.
            }
        }

        left.ShouldBeEmpty();
    }
}

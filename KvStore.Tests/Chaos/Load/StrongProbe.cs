using System.Globalization;
using System.Text;
using KvStore.Protocol.Client;
using KvStore.Tests.Chaos.Nodes;

namespace KvStore.Tests.Chaos.Load;

/// <summary>
/// Strong writes to every partition at a steady pace, whatever becomes of those before, so that a hole in what succeeds is as long as the
/// store took and not as long as a client's patience.
/// </summary>
internal sealed class StrongProbe(KvClient client, Availability availability, ChaosJournal journal)
{
    /// <summary>Keys that begin with this are no part of the history.</summary>
    public const string Prefix = "probe";

    private const int PeriodMs = 100;
    private const int MostUnderWay = 24;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    public Task RunAsync(CancellationToken stop) => Task.WhenAll(Enumerable.Range(0, ChaosCluster.Partitions).Select(p => ProbeAsync(p, stop)));

    private async Task ProbeAsync(int partition, CancellationToken stop)
    {
        var key = Encoding.UTF8.GetBytes(KeyOf(partition));
        var underWay = new List<Task>();
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(PeriodMs));
        try
        {
            while (await pace.WaitForNextTickAsync(stop))
            {
                underWay.RemoveAll(probe => probe.IsCompletedSuccessfully);
                if (underWay.Count < MostUnderWay) underWay.Add(PutAsync(partition, key));
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            await Task.WhenAll(underWay);
        }
    }

    private async Task PutAsync(int partition, byte[] key)
    {
        var begunNs = journal.NowNs;
        try
        {
            await client.PutAsync(key, key, WriteOptions.Strong with { Timeout = Patience });
            availability.Succeeded(partition, begunNs, journal.NowNs);
        }
        catch (KvException)
        {
            // The hole that this leaves is what is measured.
        }
    }

    /// <summary>A key of a partition that it writes.</summary>
    public static string KeyOf(int partition)
    {
        for (var i = 0; ; i++)
        {
            var key = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{i}");
            if (ChaosHistory.PartitionOf(key) == partition) return key;
        }
    }
}

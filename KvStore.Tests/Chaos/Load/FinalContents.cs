using System.Collections.Concurrent;
using System.Text;
using KvStore.Protocol.Client;
using KvStore.Protocol.Messages;
using KvStore.Tests.Chaos.Nodes;
using KvStore.Tests.Simulation.Checkers;
using KvStore.Tests.Simulation.Runs;

namespace KvStore.Tests.Chaos.Load;

/// <summary>
/// Reads what every replica holds when nothing is written any more: the records from a scan of each node alone, what became of each key on
/// each replica, deletions included, from the cluster's explanation of it.
/// </summary>
internal sealed class FinalContents(KvClient client, TopologyReply topology)
{
    private const int AtOnce = 16;

    /// <summary>Waits until the replicas of each partition have applied the same, all there is.</summary>
    /// <returns>What still differed when <paramref name="patience"/> was over; null if nothing.</returns>
    public async Task<string?> RestAsync(TimeSpan patience)
    {
        var trouble = "";
        try
        {
            await Eventually.HoldsAsync(async () => (trouble = await UnrestAsync()) is null, patience);
            return null;
        }
        catch (TimeoutException)
        {
            return trouble;
        }
    }

    /// <param name="keys">All that were written.</param>
    public async Task<List<ReplicaContent>> ReadAsync(IReadOnlyCollection<string> keys)
    {
        var values = await ValuesAsync();
        var contents = new ConcurrentDictionary<(ushort Partition, ushort Node), (RecordVersion Applied, ConcurrentDictionary<string, ReplicaRecord> Records)>();
        var all = keys.Concat(values.Keys.Select(v => v.Key)).Distinct().ToList();
        await Parallel.ForEachAsync(all, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (key, cancellation) =>
        {
            var reply = await client.ExplainAsync(Encoding.UTF8.GetBytes(key), TimeSpan.FromSeconds(20), cancellation);
            foreach (var replica in reply.Replicas)
            {
                var content = contents.GetOrAdd((reply.Partition, replica.Node), _ => (new RecordVersion(replica.Term, replica.AppliedIndex), new()));
                if (replica.Revision.IsNone) continue;

                // An expired record is explained as a deleted one that has an expiry.
                var value = replica.Found ? values.GetValueOrDefault((replica.Node, key), "(not in a scan)") : "";
                content.Records[key] = new ReplicaRecord(replica.ExpiresAtMs is null ? value : "", replica.Revision, (long)(replica.ExpiresAtMs ?? 0), replica is { Tombstone: true, ExpiresAtMs: null });
            }
        });
        return [.. contents.OrderBy(c => c.Key).Select(c => new ReplicaContent(c.Key.Partition, c.Key.Node, c.Value.Applied, c.Value.Records))];
    }

    private async Task<string?> UnrestAsync()
    {
        var seen = new HashSet<ushort>();
        for (var i = 0; seen.Count < topology.PartitionCount; i++)
        {
            var key = $"{StrongProbe.Prefix}{i}";
            if (!seen.Add(ChaosHistory.PartitionOf(key))) continue;
            try
            {
                var reply = await client.ExplainAsync(Encoding.UTF8.GetBytes(key), TimeSpan.FromSeconds(5));
                var last = reply.Replicas.Max(r => r.LastIndex);
                if (reply.Replicas.Any(r => !r.Reachable || r.AppliedIndex != last || r.Term != reply.Replicas[0].Term))
                    return $"partition {reply.Partition}: {string.Join("; ", reply.Replicas.Select(r => $"{r.Name} {(r.Reachable ? $"{r.Role} term {r.Term} applied {r.AppliedIndex} commit {r.CommitIndex} last {r.LastIndex}" : r.Reason)}"))}";
            }
            catch (KvException failure)
            {
                return $"{key} is not explained: {failure.Code.Name()} {failure.Message}";
            }
        }

        return null;
    }

    private async Task<Dictionary<(ushort Node, string Key), string>> ValuesAsync()
    {
        var values = new Dictionary<(ushort, string), string>();
        foreach (var member in topology.Members)
        {
            await using var alone = await KvClient.ConnectAsync(new KvClientOptions { Endpoints = [member.Address], CoordinatorOnly = true });
            await foreach (var page in alone.ScanAsync(new ScanRequest { Consistency = ReadConsistency.Local, LimitRecords = 10_000, LimitBytes = 8 << 20 }))
            {
                foreach (var record in page.Records)
                {
                    var key = Encoding.UTF8.GetString(record.Key.Span);
                    if (!key.StartsWith(StrongProbe.Prefix, StringComparison.Ordinal) && topology.ReplicasOf(ChaosHistory.PartitionOf(key)).Contains(member.Node))
                        values[(member.Node, key)] = TaggedValue.WordOf(record.Value.Span);
                }
            }
        }

        return values;
    }
}

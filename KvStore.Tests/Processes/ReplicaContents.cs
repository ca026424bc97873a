using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using KvStore.Protocol.Client;
using KvStore.Protocol.Messages;
using NUnit.Framework;

namespace KvStore.Tests.Processes;

/// <summary>
/// What one replica holds, as a scan of that node alone shows it: the number of live records and a hash over key, value, revision and expiry of
/// all of them in key order. Two of these are equal if and only if the replicas are.
/// </summary>
internal sealed record ReplicaContents(long Records, string Hash)
{
    /// <summary>Scans each node until all say the same; fails with what each said if they do not within <paramref name="deadline"/>.</summary>
    public static async Task<ReplicaContents> EqualOnAll(KvdCluster cluster, TimeSpan deadline)
    {
        var end = DateTime.UtcNow + deadline;
        while (true)
        {
            var contents = await Task.WhenAll(cluster.Nodes.Select(n => TryReadAsync(n.Endpoint)));
            if (contents is [{ } first, ..] && contents.All(c => c == first)) return first;
            if (DateTime.UtcNow >= end)
                throw new AssertionException($"the replicas differ: {string.Join("; ", cluster.Nodes.Zip(contents, (n, c) => $"{n.Name} {c?.ToString() ?? "did not answer alone"}"))}");
        }
    }

    /// <summary>Null when the node does not answer, or not from its own replicas alone.</summary>
    private static async Task<ReplicaContents?> TryReadAsync(string endpoint)
    {
        try
        {
            await using var client = await KvClient.ConnectAsync(new KvClientOptions { Endpoints = [endpoint], CoordinatorOnly = true });
            var node = (await client.StatusAsync(endpoint)).Node;
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var records = 0L;
            await foreach (var page in client.ScanAsync(new ScanRequest { Consistency = ReadConsistency.Local, LimitBytes = 4 << 20 }))
            {
                if (page.Served.Any(s => s.Node != node)) return null;
                foreach (var record in page.Records) Add(hash, record);
                records += page.Records.Count;
            }

            return new ReplicaContents(records, Convert.ToHexStringLower(hash.GetHashAndReset()));
        }
        catch (KvException)
        {
            return null;
        }
    }

    private static void Add(IncrementalHash hash, in ScanRecord record)
    {
        Span<byte> lengths = stackalloc byte[8];
        BinaryPrimitives.WriteInt32LittleEndian(lengths, record.Key.Length);
        BinaryPrimitives.WriteInt32LittleEndian(lengths[4..], record.Value.Length);
        hash.AppendData(lengths);
        hash.AppendData(record.Key.Span);
        hash.AppendData(record.Value.Span);
        hash.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{record.Revision} {record.ExpiresAtMs}")));
    }
}

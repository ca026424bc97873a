using KvStore.Bench.Load;
using KvStore.Bench.Reports;

namespace KvStore.Bench.Peers;

/// <summary>
/// Holds the figures against the first targets of the performance page. Like is compared with
/// like: shared connections with shared ones, a connection per client with the same. The one
/// exception is marked by its name: WAIT has no shared form.
/// </summary>
internal static class PeersGoals
{
    private static readonly int[] Crowds = [64, 256];

    public static IReadOnlyList<ReportRow> Rows(PeersResult result)
    {
        var rows = new List<ReportRow>();
        foreach (int clients in Crowds)
        {
            Compare(result, rows, LoadOperation.StrongPut, "etcd", LoadOperation.StrongPut, clients, Goal.AtLeast(2.5), [Shared]);
            Compare(result, rows, LoadOperation.StrongPut, "redis", LoadOperation.StrongPut, clients, Goal.AtLeast(1.2), [SharedToOwn, Own]);
            Compare(result, rows, LoadOperation.FastPut, "redis", LoadOperation.FastPut, clients, Goal.AtLeast(0.8), [Shared, Own]);
            Compare(result, rows, LoadOperation.QuorumGet, "etcd", LoadOperation.QuorumGet, clients, Goal.AtLeast(3), [Shared]);
            Compare(result, rows, LoadOperation.LocalGet, "redis", LoadOperation.LocalGet, clients, Goal.AtLeast(0.6), [Shared, Own]);
        }
        AddLatencies(result, rows);
        return rows;
    }

    private static Pairing Shared => new(ConnectionDesign.Multiplexed, ConnectionDesign.Multiplexed, "shared connections");

    private static Pairing Own => new(ConnectionDesign.PerClient, ConnectionDesign.PerClient, "connection per client");

    private static Pairing SharedToOwn => new(ConnectionDesign.Multiplexed, ConnectionDesign.PerClient, "shared against per client");

    private static void Compare(
        PeersResult result, List<ReportRow> rows, LoadOperation ours, string peer, LoadOperation theirs, int clients, Goal goal, Pairing[] pairings)
    {
        foreach (Pairing pairing in pairings)
        {
            LoadSeries? kvd = result.Find("kvd", pairing.Ours, ours, clients);
            LoadSeries? other = result.Find(peer, pairing.Peer, theirs, clients);
            if (kvd is null || other is null)
                continue;
            string ourName = new LoadCell("kvd", pairing.Ours, ours, clients).OperationName;
            string peerName = new LoadCell(peer, pairing.Peer, theirs, clients).OperationName;
            rows.Add(new ReportRow(
                $"{ourName} / {peer} {peerName}, N={clients}, {pairing.Name}", kvd.OperationsPerSecond, other.OperationsPerSecond, null, "ops/s", goal));
        }
    }

    private static void AddLatencies(PeersResult result, List<ReportRow> rows)
    {
        if (result.Find("kvd", ConnectionDesign.Multiplexed, LoadOperation.StrongPut, 1) is { } alone)
            rows.Add(new ReportRow("strong put p50, N=1, over fdatasync + 2 round trips", alone.P50Us, null, result.Limits.StrongPutUs, "us", Goal.AtMost(2.0)));
        if (result.Find("kvd", ConnectionDesign.Multiplexed, LoadOperation.StrongPut, 64) is { } crowd)
            rows.Add(new ReportRow("strong put p99 / p50, N=64", crowd.P99Us / crowd.P50Us, null, null, "x", Goal.AtMost(5)));
    }

    private readonly record struct Pairing(ConnectionDesign Ours, ConnectionDesign Peer, string Name);
}

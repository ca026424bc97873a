using KvStore.Bench.Processes;
using KvStore.Bench.Reports;

namespace KvStore.Bench.Cluster;

/// <summary>What a cluster costs while nobody asks anything: CPU and memory of its most expensive node.</summary>
internal static class IdleScenario
{
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(5);

    /// <param name="observed">Length of the measured time; /proc counts CPU in steps of 10 ms.</param>
    public static async Task<IReadOnlyList<ReportRow>> RunAsync(ServerCluster cluster, TimeSpan observed, CancellationToken cancellation)
    {
        await Task.Delay(Settling, cancellation);
        double[] before = [.. cluster.Processes.Select(static process => process.CpuSeconds)];
        await Task.Delay(observed, cancellation);
        double mostCpu = cluster.Processes.Zip(before, static (process, earlier) => process.CpuSeconds - earlier).Max();
        return
        [
            FigureRow.Of(cluster, "idle CPU of a node", 100 * mostCpu / observed.TotalSeconds, "% of a core", Goal.AtMost(2)),
            FigureRow.Of(cluster, "idle RSS of a node", Memory.LargestMegabytes(cluster), "MB", Goal.AtMost(80)),
        ];
    }
}

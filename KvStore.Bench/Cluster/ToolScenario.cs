using KvStore.Bench.Load;
using KvStore.Bench.Processes;
using KvStore.Bench.Reports;

namespace KvStore.Bench.Cluster;

/// <summary>Time of a whole run of the store's command-line tool, from fork to exit, beside that of a program that does nothing.</summary>
internal static class ToolScenario
{
    private const int Runs = 30;

    public static async Task<IReadOnlyList<ReportRow>> RunAsync(ServerCluster cluster, KeySpace keys, CancellationToken cancellation)
    {
        const string key = "bench-tool";
        await using (ILoadTarget target = cluster.CreateTarget(ConnectionDesign.Multiplexed))
        {
            await target.ConnectAsync(1, cancellation);
            await target.RunOnceAsync(0, cluster.FillOperation, "bench-tool"u8.ToArray(), keys.Value);
        }
        (string program, string[] arguments) = cluster.CommandLineGet(key);
        var rows = new List<ReportRow>
        {
            new("limit: /bin/true, whole process", null, null, await MedianMillisecondsAsync("/bin/true", [], cancellation), "ms", null),
            FigureRow.Of(cluster, $"{Path.GetFileName(program)} get, whole process", await MedianMillisecondsAsync(program, arguments, cancellation), "ms", Goal.AtMost(20)),
        };
        if (cluster.Name == "kvd")
            rows.Add(FigureRow.Of(cluster, "kvctl version, whole process", await MedianMillisecondsAsync(program, ["version"], cancellation), "ms", Goal.AtMost(20)));
        return rows;
    }

    private static async Task<double> MedianMillisecondsAsync(string program, string[] arguments, CancellationToken cancellation)
    {
        var times = new List<double>(Runs);
        for (int run = 0; run < Runs; run++)
        {
            CommandRun result = await CommandRun.RunAsync(program, arguments, cancellation);
            if (result.ExitCode != 0)
                throw new LoadFailedException($"{program} {string.Join(' ', arguments)} ended with {result.ExitCode}: {result.Errors}");
            times.Add(result.Elapsed.TotalMilliseconds);
        }
        return Statistics.Median(times);
    }
}

using System.CommandLine;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using KvStore.Bench.Reports;

namespace KvStore.Bench.Micro;

/// <summary>`micro`: the small parts by themselves, under BenchmarkDotNet.</summary>
internal static class MicroCommand
{
    public static Command Create()
    {
        var quick = new Option<bool>("--quick") { Description = "few iterations: a check, not a measurement" };
        var json = new Option<string?>("--json") { Description = "write the rows to this file, one JSON object per line" };
        var filter = new Option<string>("--filter") { Description = "glob of benchmark names", DefaultValueFactory = static _ => "*" };
        var command = new Command("micro", "measure codec, checksums, ring lookup and log append by themselves") { quick, json, filter };
        command.SetAction(arguments =>
        {
            Job job = arguments.GetValue(quick) ? Job.ShortRun : Job.Default;
            IConfig config = DefaultConfig.Instance.AddJob(job);
            IEnumerable<Summary> summaries = BenchmarkSwitcher.FromAssembly(typeof(MicroCommand).Assembly)
                .Run(["--filter", arguments.GetValue(filter)!], config);
            List<ReportRow> rows = [.. summaries.SelectMany(static summary => summary.Reports).Select(Row)];
            if (arguments.GetValue(json) is { } path)
                JsonReport.Write(path, rows);
            return rows.Count > 0 && rows.All(static row => row.Ours is not null) ? 0 : 1;
        });
        return command;
    }

    /// <summary>Mean time of one call; no figure if the benchmark failed.</summary>
    private static ReportRow Row(BenchmarkReport report)
    {
        BenchmarkCase benchmark = report.BenchmarkCase;
        string name = $"{benchmark.Descriptor.Type.Name}.{benchmark.Descriptor.WorkloadMethod.Name} {benchmark.Parameters.DisplayInfo}".TrimEnd();
        return new ReportRow(name, report.ResultStatistics?.Mean, null, null, "ns", null);
    }
}

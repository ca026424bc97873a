using System.CommandLine;
using KvStore.Bench.Load;
using KvStore.Bench.Processes;
using KvStore.Bench.Reports;

namespace KvStore.Bench.Cluster;

/// <summary>`cluster`: figures of a whole cluster: idle cost, command-line tool, memory and restart with many records, failover.</summary>
internal static class ClusterCommand
{
    private const int ValueBytes = 256;

    public static Command Create()
    {
        var common = new CommonOptions();
        var records = new Option<int?>("--records") { Description = "records for memory and restart (default 1,000,000, with --quick 100,000)" };
        var failovers = new Option<int?>("--failovers") { Description = "how often to kill a node (default 10, with --quick 2)" };
        var command = new Command("cluster", "measure idle cost, tool, memory, restart and failover of whole clusters") { records, failovers };
        common.AddTo(command, ["kvd"]);
        command.SetAction(async (arguments, cancellation) =>
        {
            bool quick = arguments.GetValue(common.Quick);
            var run = new ClusterRun(common.Catalog(arguments), Console.Error)
            {
                Keys = new KeySpace(arguments.GetValue(records) ?? (quick ? 100_000 : 1_000_000), ValueBytes),
                Failovers = arguments.GetValue(failovers) ?? (quick ? 2 : 10),
                IdleTime = TimeSpan.FromSeconds(quick ? 5 : 30),
                Partitions = arguments.GetValue(common.Partitions),
            };
            IReadOnlyList<ReportRow> rows = await run.RunAsync(arguments.GetValue(common.Stores)!, cancellation);
            Console.WriteLine(GoalTable.Format(rows));
            if (arguments.GetValue(common.Json) is { } path)
                JsonReport.Write(path, rows);
            return 0;
        });
        return command;
    }
}

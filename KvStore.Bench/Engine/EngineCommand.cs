using System.CommandLine;
using KvStore.Bench.Processes;
using KvStore.Bench.Reports;

namespace KvStore.Bench.Engine;

/// <summary>`engine`: log and storage engine beside RocksDB, in one process, alternating.</summary>
internal static class EngineCommand
{
    public static Command Create()
    {
        var quick = new Option<bool>("--quick") { Description = "few records, one round: a check, not a measurement" };
        var json = new Option<string?>("--json") { Description = "write the rows to this file, one JSON object per line" };
        var parent = new Option<string>("--data-dir") { Description = "where to make the data directories", DefaultValueFactory = static _ => "/var/tmp" };
        var records = new Option<long>("--records") { Description = "records of the data set", DefaultValueFactory = static _ => 2_000_000 };
        var valueBytes = new Option<int>("--value-size") { Description = "bytes of a value", DefaultValueFactory = static _ => 256 };
        var rounds = new Option<int>("--rounds") { Description = "how often each store runs; figures are medians", DefaultValueFactory = static _ => 3 };
        var endurance = new Option<double>("--endurance") { Description = "instead: write this many GiB of 1 KiB values and see how latency, space and memory hold" };
        var zipf = new Option<double>("--zipf") { Description = "with --endurance: skew of the keys (0.99 is YCSB's), 0 for none" };
        parent.Validators.Add(static result =>
        {
            if (DataDirectory.FileSystemOf(result.GetValueOrDefault<string>()) == "tmpfs") result.AddError("the data directory is in memory (tmpfs): choose another with --data-dir");
        });
        var command = new Command("engine", "measure log and storage engine beside RocksDB") { quick, json, parent, records, valueBytes, rounds, endurance, zipf };
        command.SetAction(arguments =>
        {
            var rows = arguments.GetValue(endurance) is var gibibytes && gibibytes > 0
                ? new EnduranceRun(arguments.GetValue(parent)!, gibibytes, 1024, arguments.GetValue(zipf), Console.Error).Run()
                : Compare(arguments);
            Console.Out.Write(GoalTable.Format(rows));
            if (arguments.GetValue(json) is { } path) JsonReport.Write(path, [.. rows]);
            return rows.All(static row => row.Ok ?? true) ? 0 : 1;
        });
        return command;

        IReadOnlyList<ReportRow> Compare(ParseResult arguments)
        {
            var isQuick = arguments.GetValue(quick);
            var count = isQuick ? Math.Min(200_000, arguments.GetValue(records)) : arguments.GetValue(records);
            var benchmark = new EngineBenchmark(
                arguments.GetValue(parent)!, count, arguments.GetValue(valueBytes), isQuick ? 1 : arguments.GetValue(rounds), isQuick ? 4_000 : 40_000, Console.Error);
            return benchmark.Run();
        }
    }
}

using KvStore.Bench.Load;
using KvStore.Bench.Reports;

namespace KvStore.Bench.Peers;

/// <summary>Prints what `peers` measured: settings, limits, every cell, then the goals.</summary>
internal static class PeersReport
{
    public static void Print(PeersResult result, PeersOptions options, TextWriter output)
    {
        output.WriteLine();
        foreach ((string store, string settings) in result.Settings)
            output.WriteLine($"{store}: {settings}");
        output.WriteLine(FormattableString.Invariant(
            $"{options.Keys} keys of 16 B, values of {options.ValueBytes} B, closed loops, medians of {options.Rounds} round(s) of {options.Timing.Duration.TotalSeconds:0.#} s; {Environment.ProcessorCount} cores carry servers and generator"));
        output.WriteLine(FormattableString.Invariant(
            $"limits: fdatasync of 4 KiB {result.Limits.DataSyncUs:0} us, loopback round trip {result.Limits.RoundTripUs:0} us, so a strong put at N=1 at best {result.Limits.StrongPutUs:0} us"));
        output.WriteLine();
        output.WriteLine(Cells(result));
        output.WriteLine(GoalTable.Format(PeersGoals.Rows(result)));
    }

    /// <summary>Goal rows, limits, then one row per cell: `ours` for kvd, `peer` for the others.</summary>
    public static IEnumerable<ReportRow> JsonRows(PeersResult result)
    {
        foreach (ReportRow row in PeersGoals.Rows(result))
            yield return row;
        yield return new ReportRow("limit: fdatasync of 4 KiB, zero-filled file", null, null, result.Limits.DataSyncUs, "us", null);
        yield return new ReportRow("limit: loopback TCP round trip", null, null, result.Limits.RoundTripUs, "us", null);
        foreach ((LoadCell cell, LoadSeries series) in result.Series)
            yield return CellRow(cell, series);
    }

    private static string Cells(PeersResult result)
    {
        var table = new TextTable(
            2, "store", "operation", "clients", "connections", "ops/s", "min", "max", "p50 us", "p99 us",
            "generator cores", "us/op", "server cores", "us/op", "errors");
        foreach ((LoadCell cell, LoadSeries series) in result.Series)
        {
            table.Add(
                cell.Store, cell.OperationName, $"{cell.Clients}", $"{series.Connections}",
                TextTable.Number(series.OperationsPerSecond), TextTable.Number(series.SlowestRound), TextTable.Number(series.FastestRound),
                TextTable.Number(series.P50Us), TextTable.Number(series.P99Us),
                TextTable.Number(series.GeneratorCores), TextTable.Number(series.GeneratorUsPerOperation),
                TextTable.Number(series.ServerCores), TextTable.Number(series.ServerUsPerOperation),
                series.Failures == 0 ? "0" : $"{series.Failures} ({series.CommonError})");
        }
        return table.ToString();
    }

    private static ReportRow CellRow(LoadCell cell, LoadSeries series)
    {
        bool ours = cell.Store == "kvd";
        string design = cell.Design == ConnectionDesign.Multiplexed ? "shared connections" : "connection per client";
        return new ReportRow(
            $"{cell.Store} {cell.OperationName}, N={cell.Clients}, {design}",
            ours ? series.OperationsPerSecond : null, ours ? null : series.OperationsPerSecond, null, "ops/s", null)
        {
            Details = new Dictionary<string, object>
            {
                ["store"] = cell.Store,
                ["operation"] = cell.OperationName,
                ["clients"] = cell.Clients,
                ["connections"] = series.Connections,
                ["min"] = series.SlowestRound,
                ["max"] = series.FastestRound,
                ["p50_us"] = series.P50Us,
                ["p99_us"] = series.P99Us,
                ["generator_cores"] = series.GeneratorCores,
                ["generator_us_per_op"] = series.GeneratorUsPerOperation,
                ["server_cores"] = series.ServerCores,
                ["server_us_per_op"] = series.ServerUsPerOperation,
                ["errors"] = series.Failures,
            },
        };
    }
}

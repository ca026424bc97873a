namespace KvStore.Bench.Reports;

/// <summary>The rows that have goals, as the table in which a reader looks for 'no'.</summary>
internal static class GoalTable
{
    public static string Format(IEnumerable<ReportRow> rows)
    {
        var table = new TextTable(1, "goal", "ours", "peer", "limit", "unit", "ratio", "goal", "ok");
        foreach (ReportRow row in rows)
        {
            string ok = row.Ok switch { true => "yes", false => "NO", null => "-" };
            table.Add(
                row.Name, TextTable.Number(row.Ours), TextTable.Number(row.Peer), TextTable.Number(row.Limit), row.Unit,
                TextTable.Number(row.Ratio), row.Goal?.ToString() ?? "-", ok);
        }
        return table.ToString();
    }
}

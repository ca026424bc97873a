using KvStore.Bench.Processes;
using KvStore.Bench.Reports;

namespace KvStore.Bench.Cluster;

/// <summary>A figure of a whole cluster as a report row: kvd's are held against the goal, those of other stores stand beside them.</summary>
internal static class FigureRow
{
    public static ReportRow Of(ServerCluster cluster, string what, double figure, string unit, Goal? goal)
    {
        string name = $"{cluster.Name}: {what}";
        return cluster.Name == "kvd"
            ? new ReportRow(name, figure, null, null, unit, goal)
            : new ReportRow(name, null, figure, null, unit, null);
    }
}

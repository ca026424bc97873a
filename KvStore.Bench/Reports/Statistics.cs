namespace KvStore.Bench.Reports;

/// <summary>The few statistics a report needs.</summary>
internal static class Statistics
{
    /// <summary>The middle value, or the mean of the two middle ones; NaN for none.</summary>
    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        if (sorted.Length == 0)
            return double.NaN;
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}

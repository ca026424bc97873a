using System.Globalization;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>How times and values are shown.</summary>
internal static class Shown
{
    private const int LongestValue = 24;


    public static string Ms(long ns) => ns == long.MaxValue ? "..." : (ns / 1e6).ToString("0.000", CultureInfo.InvariantCulture);

    /// <summary>The end of a long value: there it says which it is.</summary>
    public static string Value(string value) => value.Length <= LongestValue ? value : "..." + value[^LongestValue..];

    public static string Span(long fromNs, long untilNs) => $"[{Ms(fromNs)}, {Ms(untilNs)} ms]";
}

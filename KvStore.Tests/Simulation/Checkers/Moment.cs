using System.Globalization;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>Simulated times as text.</summary>
internal static class Moment
{
    public static string Ms(long ns) => ns == long.MaxValue ? "..." : (ns / 1e6).ToString("0.000", CultureInfo.InvariantCulture);

    public static string Span(long fromNs, long untilNs) => $"[{Ms(fromNs)}, {Ms(untilNs)} ms]";
}

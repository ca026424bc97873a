using System.Globalization;

namespace KvStore.Daemon.Ctl.Output;

/// <summary>Figures in tables and sentences.</summary>
internal static class HumanText
{
    /// <summary>Bytes in the largest binary unit that keeps at least one whole: `0 B`, `1.5 KiB`, `12.0 GiB`.</summary>
    public static string Bytes(ulong bytes)
    {
        ReadOnlySpan<string> units = ["KiB", "MiB", "GiB", "TiB"];
        if (bytes < 1024) return Invariant($"{bytes} B");
        var value = bytes / 1024.0;
        var unit = 0;
        for (; value >= 1024 && unit < units.Length - 1; unit++) value /= 1024;
        return Invariant($"{value:F1} {units[unit]}");
    }

    /// <summary>A share of one as per cent with one decimal: `33.3%`.</summary>
    public static string Percent(double share) => Invariant($"{share * 100:F1}%");

    /// <summary>A number with a comma between thousands.</summary>
    public static string Count(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    public static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

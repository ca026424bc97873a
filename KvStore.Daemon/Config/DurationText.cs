using System.Globalization;

namespace KvStore.Daemon.Config;

/// <summary>Durations as people write them: a whole number and a unit, <c>250ms</c>, <c>5s</c>, <c>2m</c>, <c>1h</c>.</summary>
public static class DurationText
{
    private static readonly (string Suffix, long Ms)[] Units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

    /// <summary>Milliseconds; false for anything else than digits and a unit, and for what does not fit a long.</summary>
    public static bool TryParse(string text, out long milliseconds)
    {
        foreach (var (suffix, ms) in Units)
        {
            if (text.EndsWith(suffix, StringComparison.Ordinal) && ScaledNumber.TryParse(text.AsSpan(0, text.Length - suffix.Length), ms, out milliseconds)) return true;
        }

        milliseconds = 0;
        return false;
    }

    /// <summary>The shortest exact form: 60000 is <c>1m</c>, 1500 is <c>1500ms</c>.</summary>
    public static string Format(long milliseconds)
    {
        foreach (var (suffix, ms) in Units.Reverse())
        {
            if (milliseconds != 0 && milliseconds % ms == 0) return (milliseconds / ms).ToString(CultureInfo.InvariantCulture) + suffix;
        }

        return "0ms";
    }
}

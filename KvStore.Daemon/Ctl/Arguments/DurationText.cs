using System.Globalization;

namespace KvStore.Daemon.Ctl.Arguments;

/// <summary>Durations as users write them: a decimal number and a unit, `250ms`, `5s`, `2m`, `1h`.</summary>
internal static class DurationText
{
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(36_500);

    /// <summary>Reads a duration of at least 1 ms and at most a hundred years; false for anything else.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out TimeSpan duration)
    {
        duration = default;
        var unitStart = text.LastIndexOfAnyInRange('0', '9') + 1;
        double unitMs;
        switch (text[unitStart..])
        {
            case "ms": unitMs = 1; break;
            case "s": unitMs = 1_000; break;
            case "m": unitMs = 60_000; break;
            case "h": unitMs = 3_600_000; break;
            default: return false;
        }

        if (!double.TryParse(text[..unitStart], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)) return false;
        var ms = number * unitMs;
        if (ms < 1 || ms > s_longest.TotalMilliseconds) return false;
        duration = TimeSpan.FromMilliseconds(ms);
        return true;
    }
}

using System.Globalization;

namespace KvStore.Daemon.Config;

/// <summary>The number before a unit: decimal digits alone, no sign, no separators, no fraction.</summary>
internal static class ScaledNumber
{
    public static bool TryParse(ReadOnlySpan<char> digits, long scale, out long value)
    {
        value = 0;
        if (!long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number > long.MaxValue / scale) return false;
        value = number * scale;
        return true;
    }
}

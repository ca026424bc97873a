using System.Globalization;

namespace KvStore.Daemon.Config;

/// <summary>Sizes as people write them: a whole number of bytes, or one with a binary unit, <c>64MiB</c>.</summary>
public static class SizeText
{
    private static readonly (string Suffix, long Bytes)[] Units = [("TiB", 1L << 40), ("GiB", 1L << 30), ("MiB", 1L << 20), ("KiB", 1L << 10), ("B", 1)];

    /// <summary>Bytes; false for anything else than digits and an optional unit, and for what does not fit a long.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        foreach (var (suffix, scale) in Units)
        {
            if (text.EndsWith(suffix, StringComparison.Ordinal)) return ScaledNumber.TryParse(text.AsSpan(0, text.Length - suffix.Length), scale, out bytes);
        }

        return ScaledNumber.TryParse(text, 1, out bytes);
    }

    /// <summary>The shortest exact form: 67108864 is <c>64MiB</c>, 1000 is <c>1000B</c>.</summary>
    public static string Format(long bytes)
    {
        foreach (var (suffix, scale) in Units)
        {
            if (bytes != 0 && bytes % scale == 0) return (bytes / scale).ToString(CultureInfo.InvariantCulture) + suffix;
        }

        return "0B";
    }
}

using System.Globalization;

namespace KvStore.Daemon.Ctl.Arguments;

/// <summary>Sizes in bytes as users write them: `256`, `4KiB`, `1MiB`.</summary>
internal static class SizeText
{
    /// <summary>Reads a whole number of bytes, 0 or more; false for anything else.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out int bytes)
    {
        var shift = text switch
        {
            [.. var head, 'K', 'i', 'B'] => Cut(ref text, head, 10),
            [.. var head, 'M', 'i', 'B'] => Cut(ref text, head, 20),
            _ => 0,
        };
        bytes = 0;
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return false;
        if (number > int.MaxValue >> shift) return false;
        bytes = number << shift;
        return true;
    }

    private static int Cut(ref ReadOnlySpan<char> text, ReadOnlySpan<char> head, int shift)
    {
        text = head;
        return shift;
    }
}

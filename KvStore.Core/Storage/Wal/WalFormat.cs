using System.Globalization;

namespace KvStore.Core.Storage.Wal;

/// <summary>Sizes and names of the log's files. The format is specified in docs/storage-format.md, 'Write-ahead log'.</summary>
internal static class WalFormat
{
    /// <summary>Batches start on multiples of this, so that no device sector that holds synced data is ever written again.</summary>
    public const int PageBytes = 4096;

    /// <summary>The largest segment and so the largest submission: offsets are 32-bit.</summary>
    public const int MaxSegmentBytes = 1 << 30;

    /// <summary>A segment ready to be used, filled once.</summary>
    public const string SpareName = "spare.wal";

    /// <summary>A spare that is being filled; worthless after a crash.</summary>
    public const string FillingName = "filling.wal";

    /// <summary>What is about to become a segment: a spare that was taken, or a file made in haste because none was ready; worthless after a crash.</summary>
    public const string RollingName = "rolling.wal";

    private const string SegmentPrefix = "wal-";
    private const string OpeningPrefix = "opening-";
    private const string Suffix = ".wal";
    private const int Digits = 10;

    public static int AlignUp(int bytes) => checked(bytes + PageBytes - 1) & -PageBytes;

    public static string SegmentName(ulong number) => string.Create(CultureInfo.InvariantCulture, $"{SegmentPrefix}{number:D10}{Suffix}");

    public static bool TryParseSegmentName(string name, out ulong number)
    {
        number = 0;
        return name.Length == SegmentPrefix.Length + Digits + Suffix.Length
            && name.StartsWith(SegmentPrefix, StringComparison.Ordinal)
            && name.EndsWith(Suffix, StringComparison.Ordinal)
            && TryParseNumber(name.AsSpan(SegmentPrefix.Length, Digits), out number)
            && number > 0;
    }

    /// <summary>
    /// The name that a segment has while a log is being opened. It carries number and epoch, durably, before a byte is written:
    /// a second opening after a crash of the first must use higher ones, or batches that the first wrote further back in the same file
    /// would look like its own.
    /// </summary>
    public static string OpeningName(ulong number, ulong epoch) =>
        string.Create(CultureInfo.InvariantCulture, $"{OpeningPrefix}{number:D10}-{epoch:D10}{Suffix}");

    public static bool TryParseOpeningName(string name, out ulong number, out ulong epoch)
    {
        number = epoch = 0;
        return name.Length == OpeningPrefix.Length + Digits + 1 + Digits + Suffix.Length
            && name.StartsWith(OpeningPrefix, StringComparison.Ordinal)
            && name.EndsWith(Suffix, StringComparison.Ordinal)
            && TryParseNumber(name.AsSpan(OpeningPrefix.Length, Digits), out number)
            && TryParseNumber(name.AsSpan(OpeningPrefix.Length + Digits + 1, Digits), out epoch);
    }

    private static bool TryParseNumber(ReadOnlySpan<char> text, out ulong number) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}

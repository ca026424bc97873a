using KvStore.Core.Io;

namespace KvStore.Core.Storage.Wal;

/// <summary>What the directory of a log holds.</summary>
internal sealed class LogFiles
{
    private LogFiles()
    {
    }

    /// <summary>Numbers of the segments, oldest first.</summary>
    public required List<ulong> Segments { get; init; }

    /// <summary>Names of files that an interrupted opening left.</summary>
    public required List<string> Openings { get; init; }

    /// <summary>The highest number and epoch that were ever given out.</summary>
    public required ulong HighestNumber { get; init; }

    public required ulong HighestOpeningEpoch { get; init; }

    public static LogFiles List(IFileSystem fileSystem, string directory)
    {
        var segments = new List<ulong>();
        var openings = new List<string>();
        ulong highestNumber = 0, highestEpoch = 0;
        foreach (var name in fileSystem.List(directory))
        {
            if (WalFormat.TryParseSegmentName(name, out var number))
            {
                segments.Add(number);
                highestNumber = Math.Max(highestNumber, number);
            }
            else if (WalFormat.TryParseOpeningName(name, out number, out var epoch))
            {
                openings.Add(name);
                highestNumber = Math.Max(highestNumber, number);
                highestEpoch = Math.Max(highestEpoch, epoch);
            }
        }

        segments.Sort();
        return new LogFiles { Segments = segments, Openings = openings, HighestNumber = highestNumber, HighestOpeningEpoch = highestEpoch };
    }
}

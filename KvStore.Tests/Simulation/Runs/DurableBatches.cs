using KvStore.Core.Io;
using KvStore.Core.Storage.Wal;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>
/// The batches of which a log says that they are durable. Only damage to one of these has to be found: the end may be torn, and most of
/// the bytes of a log pad its batches to whole pages.
/// </summary>
internal static class DurableBatches
{
    /// <summary>Where the batches stand, oldest first; none if there is no log.</summary>
    public static List<(string Path, int Offset, int Bytes)> Of(IFileSystem fs, string directory)
    {
        var identity = WalInspection.Inspect(fs, directory).Identity;
        var scanner = new SegmentScanner(identity.Incarnation);
        var scan = new LogScan(directory, identity, scanner);
        scan.Run(fs, LogFiles.List(fs, directory).Segments, FileOpenMode.Read);
        var batches = new List<(string Path, int Offset, int Bytes)>();
        foreach (var segment in scan.Segments)
        {
            using var file = segment.File;
            scanner.Open(file);
            var offset = segment.Header.FirstBatchOffset;
            while (offset < segment.End && scanner.TryReadBatch(segment.Header, offset, out var header, out _) && header.FirstLsn <= scan.KnownDurable)
            {
                batches.Add((file.Path, offset, header.TotalBytes));
                offset += WalFormat.AlignUp(header.TotalBytes);
            }
        }

        return batches;
    }
}

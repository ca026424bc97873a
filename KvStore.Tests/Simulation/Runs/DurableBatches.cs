using KvStore.Core.Io;
using KvStore.Core.Primitives;
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
        var batches = new List<(string Path, int Offset, BatchHeader Header)>();
        string? before = null;
        foreach (var number in LogFiles.List(fs, directory).Segments)
        {
            using var file = fs.Open(Path.Combine(directory, WalFormat.SegmentName(number)), FileOpenMode.Read);
            if (scanner.ReadStart(file, number, identity, out _) is not { } segment) break;

            // What stands behind the end that the next segment names was given up.
            batches.RemoveAll(batch => batch.Path == before && batch.Offset >= segment.Header.PreviousEnd);
            before = file.Path;
            for (var offset = segment.Header.FirstBatchOffset; scanner.TryReadBatch(segment.Header, offset, out var header, out _); offset += WalFormat.AlignUp(header.TotalBytes))
                batches.Add((file.Path, offset, header));
        }

        var durable = batches.Select(batch => batch.Header.Durable).DefaultIfEmpty(Lsn.Zero).Max();
        return [.. batches.Where(batch => batch.Header.FirstLsn <= durable).Select(batch => (batch.Path, batch.Offset, batch.Header.TotalBytes))];
    }
}

using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Wal;

/// <summary>
/// Starts a new segment with a higher epoch behind what was recovered, before the node sends anything: it never appends behind a cut.
/// The order is: a name that claims number and epoch, durably; states and un-synced batches, durably; the segment's own name, durably.
/// So a segment that has its name is whole, and a crash in between leaves the log as it was.
/// </summary>
internal sealed class LogOpening(IFileSystem fileSystem, string directory, WalOptions options, WalIdentity identity)
{
    /// <summary>What a first segment has room for at least, beside what it begins with.</summary>
    private const int LeastRoom = 1 << 20;

    /// <summary>What the new segment continues.</summary>
    public required LogFiles Files { get; init; }

    public required LogScan Scan { get; init; }

    public required SegmentSet Segments { get; init; }

    public ulong Epoch => Math.Max(Scan.HighestEpoch, Files.HighestOpeningEpoch) + 1;

    /// <summary>Where the next batch goes in the new segment.</summary>
    public int NextOffset { get; private set; }

    public ulong Number => Files.HighestNumber + 1;

    private string SparePath => Path.Combine(directory, WalFormat.SpareName);

    public void Run(GroupTable groups, LogReplay replay, SegmentScanner scanner, List<(int Offset, int Length)> tail)
    {
        var last = Scan.Segments.Count > 0 ? Scan.Segments[^1] : null;
        var previousEnd = replay.DurableEnd;
        var first = SegmentHeader.FirstBatchAfter(groups.Count);
        var needed = first + tail.Sum(batch => WalFormat.AlignUp(batch.Length)) + 2 * WalFormat.PageBytes;
        var path = ClaimFile(Math.Max(options.SegmentBytes, needed), Math.Min(needed + LeastRoom, Math.Max(options.SegmentBytes, needed)), out var bytes);
        var head = EncodeHead(groups, last, previousEnd, bytes, first);

        // The copied batches are replayed into the new segment, which is therefore part of the set before it has its name.
        var segment = new Segment(Number, fileSystem.Open(path, FileOpenMode.ReadWrite), bytes);
        Segments.Add(segment);
        segment.File.Write(0, head);
        CopyTail(segment.File, first, last, tail, replay, scanner);
        segment.File.DataSync();

        var finalPath = Path.Combine(directory, WalFormat.SegmentName(Number));
        fileSystem.Rename(path, finalPath);
        fileSystem.SyncDirectory(directory);
        segment.Reopen(fileSystem.Open(finalPath, FileOpenMode.ReadWrite));
        if (last is not null) CutPrevious(last, previousEnd);
        RemoveLeftovers();
    }

    private byte[] EncodeHead(GroupTable groups, ScannedSegment? last, int previousEnd, int bytes, int first)
    {
        var head = new byte[first];
        groups.Write(head.AsSpan(WalFormat.PageBytes));
        var header = new SegmentHeader(
            identity, Number, Epoch, new Lsn(Scan.KnownDurable.Value + 1), new Lsn(Scan.Next.Value - 1), last?.Header.Number ?? 0, previousEnd,
            groups.HlcCeiling, bytes, first, groups.EncodedBytes);
        header.Write(head.AsSpan(0, WalFormat.PageBytes + groups.EncodedBytes));
        return head;
    }

    private void CopyTail(IFile file, int offset, ScannedSegment? last, List<(int Offset, int Length)> tail, LogReplay replay, SegmentScanner scanner)
    {
        foreach (var (from, length) in tail)
        {
            scanner.Open(last!.File);
            var padded = new byte[WalFormat.AlignUp(length)];
            scanner.Bytes(from, length).CopyTo(padded);
            if (!BatchHeader.TryRead(padded, last.Header, from, int.MaxValue, out var header)) Invariant.Fail("a batch changed between two reads");
            header = header with { Segment = Number, Epoch = Epoch, Page = offset / WalFormat.PageBytes };
            header.Write(padded.AsSpan(0, length), identity.Incarnation);
            file.Write(offset, padded);
            Invariant.Check(replay.Replay(padded.AsSpan(0, length), header, Number, offset));
            offset += padded.Length;
        }

        NextOffset = offset;
    }

    /// <summary>
    /// A file of the right size under the opening name. One that an earlier opening or process left is used again: on a full disk there may be no other.
    /// A restart that finds none does not wait until one is filled: its first segment only syncs more slowly.
    /// </summary>
    /// <param name="bytes">Its size: what is wanted, or on a full disk at least the least.</param>
    private string ClaimFile(int wanted, int least, out int bytes)
    {
        bytes = wanted;
        var path = Path.Combine(directory, WalFormat.OpeningName(Number, Epoch));
        string[] candidates = [WalFormat.SpareName, WalFormat.RollingName, .. Files.Openings];
        foreach (var name in candidates)
        {
            var candidate = Path.Combine(directory, name);
            if (!HasLength(candidate, bytes)) continue;
            fileSystem.Rename(candidate, path);
            fileSystem.SyncDirectory(directory);
            return path;
        }

        using var file = fileSystem.Open(path, FileOpenMode.CreateNew);
        fileSystem.SyncDirectory(directory);
        if (Scan.Segments.Count == 0) SegmentSupply.FillWithZeros(file, bytes, static () => false);
        else bytes = Allocate(file, wanted, least);
        return path;
    }

    private static int Allocate(IFile file, int wanted, int least)
    {
        for (var bytes = wanted; ; bytes = Math.Max(least, WalFormat.AlignUp(bytes / 2)))
        {
            try
            {
                file.Allocate(bytes);
                return bytes;
            }
            catch (DiskException e) when (e.IsDiskFull && bytes > least)
            {
                // A part of it may have been allocated.
                file.Truncate(0);
            }
        }
    }

    private bool HasLength(string path, int bytes)
    {
        if (!fileSystem.FileExists(path)) return false;
        using var file = fileSystem.Open(path, FileOpenMode.Read);
        return file.Length == bytes;
    }

    /// <summary>Gives back the unused rest of the segment before: a node that restarts often would else fill the disk with it.</summary>
    private void CutPrevious(ScannedSegment last, int end)
    {
        if (last.File.Length <= end) return;
        last.File.Truncate(end);
        Segments.Shrink(last.Header.Number, end);
    }

    private void RemoveLeftovers()
    {
        string[] names = [WalFormat.FillingName, WalFormat.RollingName, .. Files.Openings];
        foreach (var name in names)
        {
            var path = Path.Combine(directory, name);
            if (fileSystem.FileExists(path)) fileSystem.Delete(path);
        }

        if (fileSystem.FileExists(SparePath) && !HasLength(SparePath, options.SegmentBytes)) fileSystem.Delete(SparePath);
    }
}

using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Wal;

/// <summary>Reads all of a log that nobody has open, as recovery would, and changes nothing.</summary>
public static class WalInspection
{
    /// <summary>What the directory holds. Damage is part of the report; then the groups are those before the first of it.</summary>
    /// <exception cref="WalRefusedException">Of a newer format, or segments of several nodes.</exception>
    public static WalReport Inspect(IFileSystem fs, string directory)
    {
        ArgumentNullException.ThrowIfNull(fs);
        var numbers = LogFiles.List(fs, directory).Segments;
        if (numbers.Count == 0) return WalReport.Empty;
        var identity = IdentityOf(fs, directory, numbers);
        var scanner = new SegmentScanner(identity.Incarnation);
        var scan = new LogScan(directory, identity, scanner);
        var segments = new SegmentSet();
        var groups = new GroupTable();
        var entries = new EntryBounds();
        try
        {
            scan.Run(fs, numbers, FileOpenMode.Read);
            var replay = new LogReplay(scan, scanner, entries, groups, segments);
            var tail = scan.Damage is null ? replay.ReplayDurable() : [];
            foreach (var (offset, _) in tail) ReplayTail(scan.Segments[^1], offset, scanner, replay);
            return new WalReport(
                identity,
                [.. scan.Segments.Select(segment => new SegmentReport(segment.Header.Number, segment.Header.Epoch, segment.Header.FirstLsn, segment.File.Length, segment.End))],
                [.. groups.States().Select(group => new GroupReport(
                    group.Partition, group.HardState.Term, group.HardState.Vote, group.HardState.Commit, entries.FirstOf(group.Partition, group.LastIndex), group.LastIndex))],
                replay.Records, new Lsn(scan.Next.Value - 1), scan.TornBytes,
                scan.Damage is { } damage ? new DamageSurvey(fs, directory, identity).Run(numbers, damage) : []);
        }
        finally
        {
            foreach (var segment in scan.Segments) segment.File.Dispose();
        }
    }

    /// <summary>The oldest segment says whose log it is, or the next one if its header is damaged.</summary>
    private static WalIdentity IdentityOf(IFileSystem fs, string directory, List<ulong> numbers)
    {
        var scanner = new SegmentScanner(0);
        foreach (var number in numbers)
        {
            using var file = fs.Open(Path.Combine(directory, WalFormat.SegmentName(number)), FileOpenMode.Read);
            scanner.Open(file);
            if (SegmentHeader.TryRead(scanner.Bytes(0, SegmentHeader.MaxBytes), out var header)) return header.Identity;
        }

        return default;
    }

    /// <summary>Whole, though the log does not say that it was durable: recovery takes it over.</summary>
    private static void ReplayTail(ScannedSegment segment, int offset, SegmentScanner scanner, LogReplay replay)
    {
        scanner.Open(segment.File);
        if (scanner.TryReadBatch(segment.Header, offset, out var header, out var batch)) replay.Replay(batch, header, segment.Header.Number, offset);
    }

    /// <summary>The first entry of each group that the log still holds.</summary>
    private sealed class EntryBounds : IWalReplay
    {
        private readonly Dictionary<PartitionId, LogIndex> _first = [];

        public LogIndex FirstOf(PartitionId partition, LogIndex last) =>
            _first.TryGetValue(partition, out var first) && first <= last ? first : LogIndex.Zero;

        public void OnEntry(PartitionId partition, Term term, LogIndex index, Lsn lsn, WalAddress address, ReadOnlySpan<byte> payload)
        {
            if (!_first.TryGetValue(partition, out var first) || index < first) _first[partition] = index;
        }

        public void OnAppliedSnapshot(PartitionId partition, Lsn lsn, LogIndex index, Term term) => _first.Remove(partition);

        public void OnHardState(PartitionId partition, Lsn lsn, HardStateRecord state)
        {
        }

        public void OnTruncate(PartitionId partition, Lsn lsn, LogIndex from)
        {
        }

        public void OnRecord(WalRecordType type, PartitionId partition, Lsn lsn, ReadOnlySpan<byte> payload)
        {
        }
    }
}

/// <summary>A log, read without opening it.</summary>
/// <param name="Identity">Whose it is, as its oldest segment says whose header can be read.</param>
/// <param name="TornBytes">The un-synced tail of a crash, which the next start cuts: normal.</param>
/// <param name="Problems">What is damaged, in the order of the log; a node starts on it only if there is nothing.</param>
public sealed record WalReport(
    WalIdentity Identity, IReadOnlyList<SegmentReport> Segments, IReadOnlyList<GroupReport> Groups, long Records, Lsn LastLsn, long TornBytes, IReadOnlyList<StorageProblem> Problems)
{
    public static readonly WalReport Empty = new(default, [], [], 0, Lsn.Zero, 0, []);
}

/// <summary>A segment file.</summary>
/// <param name="UsedBytes">Where its last whole batch ends.</param>
public sealed record SegmentReport(ulong Number, ulong Epoch, Lsn FirstLsn, long Bytes, long UsedBytes);

/// <summary>What the log says of a Raft group.</summary>
/// <param name="Vote">The replica that got the vote in the term, 0 for none.</param>
/// <param name="First">The first entry that the log holds, 0 for none.</param>
public sealed record GroupReport(PartitionId Id, Term Term, ulong Vote, LogIndex Commit, LogIndex First, LogIndex Last);

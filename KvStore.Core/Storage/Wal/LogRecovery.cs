using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Wal;

/// <summary>Opens a log: scan, replay, new segment, lanes.</summary>
internal sealed class LogRecovery
{
    private readonly IFileSystem _fileSystem;
    private readonly string _directory;
    private readonly WalOptions _options;
    private readonly WalIdentity _identity;
    private readonly SegmentScanner _scanner;
    private readonly LogScan _scan;
    private readonly SegmentSet _segments = new();
    private readonly GroupTable _groups = new();

    public LogRecovery(IFileSystem fileSystem, string directory, WalOptions options, WalIdentity identity)
    {
        (_fileSystem, _directory, _options, _identity) = (fileSystem, directory, options, identity);
        _scanner = new SegmentScanner(identity.Incarnation);
        _scan = new LogScan(directory, identity, _scanner);
        if (options.SegmentBytes % WalFormat.PageBytes != 0 || options.SegmentBytes is < 4 * WalFormat.PageBytes or > WalFormat.MaxSegmentBytes)
            throw new ArgumentException($"{options.SegmentBytes} is not a size for segments", nameof(options));
    }

    public WalRecovery Open(IClock clock, IScheduler scheduler, IWalListener listener, IWalReplay target)
    {
        try
        {
            _fileSystem.CreateDirectory(_directory);
            var files = LogFiles.List(_fileSystem, _directory);
            _scan.Run(_fileSystem, files.Segments, FileOpenMode.ReadWrite);
            var replay = new LogReplay(_scan, _scanner, target, _groups, _segments);
            var tail = _scan.Damage is null ? replay.ReplayDurable() : [];
            if (_scan.Damage is not null)
            {
                CloseFiles();
                return new WalRecovery(null, Report(replay));
            }

            var opening = new LogOpening(_fileSystem, _directory, _options, _identity) { Files = files, Scan = _scan, Segments = _segments };
            opening.Run(_groups, replay, _scanner, tail);
            return new WalRecovery(Start(opening, clock, scheduler, listener), Report(replay));
        }
        catch
        {
            CloseFiles();
            throw;
        }
    }

    private WriteAheadLog Start(LogOpening opening, IClock clock, IScheduler scheduler, IWalListener listener)
    {
        var last = new Lsn(_scan.Next.Value - 1);
        var queue = new SubmissionQueue(_options, clock);
        queue.Start(opening.Number, _segments.Newest.Bytes, opening.NextOffset, last, _groups.States());
        LogWriter? writer = null;
        var supply = new SegmentSupply(_fileSystem, _directory, _options.SegmentBytes, scheduler, () => writer!.RequestRecycling(), e => writer!.Fail(e));
        if (_fileSystem.FileExists(Path.Combine(_directory, WalFormat.SpareName))) supply.AdoptSpare();
        var segmentWriter = new SegmentWriter(_fileSystem, _directory, _identity, opening.Epoch, _segments, supply, _groups, last) { End = opening.NextOffset };
        var retention = new Retention();
        writer = new LogWriter(_options, clock, scheduler, listener, queue, _segments, segmentWriter, _groups, retention, last) { Retire = supply.Retire, IsStarved = () => supply.IsStarved };
        supply.Replenish();
        return new WriteAheadLog(queue, _segments, supply, retention, writer);
    }

    private WalRecoveryReport Report(LogReplay replay) => new()
    {
        SegmentsRead = _scan.Segments.Count,
        BytesRead = _scanner.BytesRead,
        RecordsRead = replay.Records,
        Epoch = _scan.HighestEpoch,
        FirstLsn = _scan.Segments.Count > 0 ? _scan.Segments[0].Header.FirstLsn : new Lsn(1),
        LastLsn = new Lsn(_scan.Next.Value - 1),
        TornBytes = _scan.TornBytes,
        Damage = _scan.Damage,
    };

    private void CloseFiles()
    {
        _segments.Close();
        foreach (var segment in _scan.Segments) segment.File.Dispose();
    }
}

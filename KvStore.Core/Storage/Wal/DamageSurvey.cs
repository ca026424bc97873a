using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Wal;

/// <summary>
/// Finds all that is damaged in a log of which recovery has found the first damage and read no further: what is left of such a log,
/// and whether the disk has one bad place or many, is for the operator to judge. Each segment is walked by itself, and behind a batch
/// that cannot be read the next whole one is searched page by page. Reads only.
/// </summary>
internal sealed class DamageSurvey(IFileSystem fs, string directory, WalIdentity identity)
{
    private readonly SegmentScanner _scanner = new(identity.Incarnation);
    private readonly List<StorageProblem> _problems = [];

    /// <summary>One problem for each place, in the order of the log; <paramref name="found"/>, which recovery found, is among them.</summary>
    /// <param name="numbers">Of the segments, oldest first.</param>
    public List<StorageProblem> Run(IReadOnlyList<ulong> numbers, WalDamage found)
    {
        var headers = new SegmentHeader?[numbers.Count];
        for (var i = 0; i < headers.Length; i++) headers[i] = ReadHeader(numbers[i], i == 0 ? null : numbers[i - 1]);
        for (var i = 0; i < headers.Length; i++)
            if (headers[i] is { } header) Walk(header, i + 1 < headers.Length ? headers[i + 1] : null);
        if (!_problems.Exists(problem => problem.Path == found.Path && problem.Offset == found.Offset))
            _problems.Add(new StorageProblem(found.Path, found.Offset, found.ToString()));
        return [.. _problems.OrderBy(problem => problem.Path, StringComparer.Ordinal).ThenBy(problem => problem.Offset)];
    }

    /// <summary>Null if the segment cannot be read for its header, which is told.</summary>
    private SegmentHeader? ReadHeader(ulong number, ulong? previous)
    {
        using var file = Open(number);
        try
        {
            if (_scanner.ReadStart(file, number, identity, out var fault)?.Header is not { } header)
            {
                Tell(file, 0, $"{fault}; nothing in this segment can be read");
                return null;
            }

            if (previous is not null && header.Previous != previous) Tell(file, 0, $"segment {header.Previous}, which comes before, is missing");
            return header;
        }
        catch (WalRefusedException refused)
        {
            Tell(file, 0, refused.Message);
            return null;
        }
    }

    /// <summary>
    /// Tells every stretch of a segment between whole batches that is none. The segment after it says where it ends; without that,
    /// what nothing in the segment says was durable may be the torn end of the log, or was never used.
    /// </summary>
    private void Walk(in SegmentHeader header, SegmentHeader? after)
    {
        using var file = Open(header.Number);
        _scanner.Open(file);
        int? end = after?.Previous == header.Number ? after.Value.PreviousEnd : null;
        var (durable, next, wholeTo) = (header.Durable, header.FirstLsn, header.FirstBatchOffset);
        var holes = new List<(int Offset, Lsn From, Lsn Before)>();
        for (var offset = wholeTo; offset < (end ?? int.MaxValue) && _scanner.Bytes(offset, BatchHeader.Bytes).Length == BatchHeader.Bytes;)
        {
            if (!_scanner.TryReadBatch(header, offset, out var batch, out _) || batch.FirstLsn < next)
            {
                offset += WalFormat.PageBytes;
                continue;
            }

            if (offset > wholeTo || batch.FirstLsn > next) holes.Add((wholeTo, next, batch.FirstLsn));
            durable = batch.Durable > durable ? batch.Durable : durable;
            next = new Lsn(batch.LastLsn.Value + 1);
            wholeTo = offset += WalFormat.AlignUp(batch.TotalBytes);
        }

        if (end is null) holes.Add((wholeTo, next, new Lsn(durable.Value + 1)));
        else if (end != wholeTo) holes.Add((wholeTo, next, after!.Value.FirstLsn));
        foreach (var (offset, from, before) in holes)
            if (end is not null || durable >= from) Tell(file, offset, $"a batch is missing or its checksum is wrong; {Lost(from, before)}");
    }

    private static string Lost(Lsn from, Lsn before) =>
        before <= from ? "no record is lost with it"
        : before.Value - from.Value == 1 ? $"LSN {from} cannot be read"
        : $"LSN {from} to {before.Value - 1} cannot be read";

    private IFile Open(ulong number) => fs.Open(Path.Combine(directory, WalFormat.SegmentName(number)), FileOpenMode.Read);

    private void Tell(IFile file, int offset, string what) => _problems.Add(new StorageProblem(file.Path, offset, $"{file.Path} at {offset}: {what}"));
}

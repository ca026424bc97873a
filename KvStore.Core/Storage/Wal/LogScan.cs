using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Wal;

/// <summary>
/// Finds out, reading only, what a log holds and whether its end is torn or damaged (rules.md, 'The shared WAL'):
/// the first invalid batch, at LSN d, is damage if anything that belongs to the log says that d was durable, else it is the end.
/// </summary>
internal sealed class LogScan
{
    private readonly WalIdentity _identity;
    private readonly SegmentScanner _scanner;
    private readonly string _directory;

    public LogScan(string directory, WalIdentity identity, SegmentScanner scanner)
    {
        (_directory, _identity, _scanner) = (directory, identity, scanner);
    }

    /// <summary>Oldest first.</summary>
    public List<ScannedSegment> Segments { get; } = [];

    public ulong HighestEpoch { get; private set; }

    /// <summary>The highest LSN that the log itself says is durable.</summary>
    public Lsn KnownDurable { get; private set; }

    /// <summary>The LSN after the last whole batch.</summary>
    public Lsn Next { get; private set; } = new(1);

    public long TornBytes { get; private set; }

    /// <summary>Set if the log is damaged; then nothing else here counts.</summary>
    public WalDamage? Damage { get; private set; }

    /// <summary>Looks at every header, and at every batch of the newest segment.</summary>
    /// <exception cref="WalRefusedException">The files are another node's, or of a newer format.</exception>
    /// <param name="mode">In which the files are opened; who goes on with them needs to write.</param>
    public void Run(IFileSystem fileSystem, IReadOnlyList<ulong> numbers, FileOpenMode mode)
    {
        foreach (var number in numbers)
        {
            var file = fileSystem.Open(Path.Combine(_directory, WalFormat.SegmentName(number)), mode);
            if (!TryReadHeader(file, number))
            {
                file.Dispose();
                return;
            }
        }

        if (Segments.Count > 0) FindEnd(Segments[^1]);
    }

    /// <summary>Notes damage that was met while the batches before the newest segment were replayed.</summary>
    public void SetDamage(IFile file, int offset, Lsn from, string what) => Damage ??= new WalDamage(file.Path, offset, from, KnownDurable, what);

    private bool TryReadHeader(IFile file, ulong number)
    {
        if (_scanner.ReadStart(file, number, _identity, out var fault) is not { } segment) return Damaged(file, fault);
        var header = segment.Header;
        if (Segments.Count > 0 && header.Previous != Segments[^1].Header.Number) return Damaged(file, $"segment {header.Previous}, which comes before, is missing");

        if (Segments.Count > 0) Segments[^1].End = header.PreviousEnd;
        Segments.Add(segment);
        HighestEpoch = Math.Max(HighestEpoch, header.Epoch);
        RaiseDurable(header.Durable);
        return true;
    }

    private void FindEnd(ScannedSegment segment)
    {
        _scanner.Open(segment.File);
        var offset = segment.Header.FirstBatchOffset;
        Next = segment.Header.FirstLsn;
        while (_scanner.TryReadBatch(segment.Header, offset, out var header, out _) && header.FirstLsn == Next)
        {
            RaiseDurable(header.Durable);
            Next = new Lsn(header.LastLsn.Value + 1);
            offset += WalFormat.AlignUp(header.TotalBytes);
        }

        segment.End = offset;
        if (_scanner.TryReadHeader(segment.Header, offset, out var torn)) TornBytes = torn.TotalBytes;
        LookBehind(segment, offset);
        if (KnownDurable >= Next) SetDamage(segment.File, offset, Next, "a batch is missing or its checksum is wrong");
    }

    /// <summary>
    /// A whole batch behind the end proves nothing by itself (the sectors of an un-synced batch reach the disk in any order),
    /// but what it says about durability does.
    /// </summary>
    private void LookBehind(ScannedSegment segment, int offset)
    {
        for (; _scanner.Bytes(offset, BatchHeader.Bytes).Length == BatchHeader.Bytes; offset += WalFormat.PageBytes)
            if (_scanner.TryReadBatch(segment.Header, offset, out var header, out _)) RaiseDurable(header.Durable);
    }

    private void RaiseDurable(Lsn durable)
    {
        if (durable > KnownDurable) KnownDurable = durable;
    }

    private bool Damaged(IFile file, string what)
    {
        SetDamage(file, 0, Lsn.Zero, what);
        return false;
    }
}

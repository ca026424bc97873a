using KvStore.Core.Io;

namespace KvStore.Core.Storage.Wal;

/// <summary>Reads batches of one segment through a window of a few megabytes that serves one segment after the other.</summary>
internal sealed class SegmentScanner(ulong incarnation)
{
    private const int WindowBytes = 4 << 20;
    private byte[] _window = [];
    private IFile? _file;
    private int _fileBytes;
    private long _windowFrom;
    private int _windowLength;

    /// <summary>Bytes fetched from files.</summary>
    public long BytesRead { get; private set; }

    public void Open(IFile file)
    {
        _file = file;
        _fileBytes = (int)Math.Min(file.Length, WalFormat.MaxSegmentBytes);
        _windowLength = 0;
    }

    /// <summary>Opens a file and reads what segment <paramref name="number"/> of a log starts with; null if it does not start so, and <paramref name="fault"/> says why.</summary>
    /// <exception cref="WalRefusedException">The file is another node's, or of a newer format.</exception>
    public ScannedSegment? ReadStart(IFile file, ulong number, WalIdentity identity, out string fault)
    {
        Open(file);
        fault = "the segment header is not one";
        if (!SegmentHeader.TryReadVersion(Bytes(0, WalFormat.PageBytes), out var version)) return null;
        if (version != SegmentHeader.FormatVersion)
            throw new WalRefusedException($"{file.Path} has format version {version}; this release knows version {SegmentHeader.FormatVersion}");
        var bytes = Bytes(0, SegmentHeader.MaxBytes);
        fault = "the segment header's checksum is wrong";
        if (!SegmentHeader.TryRead(bytes, out var header)) return null;
        if (header.Identity != identity) throw new WalRefusedException($"{file.Path} belongs to {header.Identity}; this is {identity}");
        fault = $"the segment header says segment {header.Number}";
        return header.Number == number ? new ScannedSegment(file, header, GroupState.ReadAll(bytes.Slice(WalFormat.PageBytes, header.StateBytes))) : null;
    }

    /// <summary>Up to <paramref name="length"/> bytes at an offset, fewer at the end of the file, none behind it. Valid until the next call.</summary>
    public ReadOnlySpan<byte> Bytes(int offset, int length)
    {
        if (offset >= _fileBytes) return [];
        length = Math.Min(length, _fileBytes - offset);
        if (offset < _windowFrom || offset + length > _windowFrom + _windowLength) Fetch(offset, length);
        return _window.AsSpan((int)(offset - _windowFrom), Math.Min(length, _windowLength - (int)(offset - _windowFrom)));
    }

    /// <summary>The whole batch at <paramref name="offset"/>; false if there is none, or if it is not exactly as it was written.</summary>
    public bool TryReadBatch(in SegmentHeader segment, int offset, out BatchHeader header, out ReadOnlySpan<byte> batch)
    {
        batch = default;
        if (!TryReadHeader(segment, offset, out header)) return false;
        batch = Bytes(offset, header.TotalBytes);
        return batch.Length == header.TotalBytes && BatchHeader.IsIntact(batch, incarnation);
    }

    /// <summary>A header that may belong to a batch which is not whole.</summary>
    public bool TryReadHeader(in SegmentHeader segment, int offset, out BatchHeader header) =>
        BatchHeader.TryRead(Bytes(offset, BatchHeader.Bytes), segment, offset, _fileBytes, out header);

    private void Fetch(int offset, int length)
    {
        var wanted = Math.Max(length, Math.Min(WindowBytes, _fileBytes));
        if (wanted > _window.Length) _window = GC.AllocateUninitializedArray<byte>(wanted);
        _windowFrom = offset;
        _windowLength = _file!.Read(offset, _window.AsSpan(0, Math.Min(_window.Length, _fileBytes - offset)));
        BytesRead += _windowLength;
    }
}

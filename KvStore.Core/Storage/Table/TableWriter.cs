using System.Buffers;
using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Table;

/// <summary>
/// Writes one table file from records in key order: data blocks, filter, index blocks, top index, properties, footer
/// (docs/storage-format.md, 'SSTable'). The file bears a temporary name until it is complete and synced. One owner.
/// </summary>
internal sealed class TableWriter : IDisposable
{
    private const int WriteBufferBytes = 256 << 10;

    /// <summary>Synced now and then, so that the last sync does not hold up the log's for long.</summary>
    private const long SyncEveryBytes = 4 << 20;

    /// <summary>After blocks that did not compress, up to this many are stored without trying.</summary>
    private const int MostBlocksUntried = 16;

    private readonly IFileSystem _fs;
    private readonly string _temporaryPath;
    private readonly string _path;
    private readonly IFile _file;
    private readonly BlockBuilder _data = new(TableFormat.DataRestartInterval);
    private readonly BlockBuilder _index = new(TableFormat.IndexRestartInterval);
    private readonly BlockBuilder _topIndex = new(TableFormat.IndexRestartInterval);
    private readonly List<(byte[] Content, byte[] LastKey)> _indexBlocks = [];
    private readonly List<TableSection> _sections = [];
    private readonly byte[] _scratch = new byte[RecordHeader.MaxBytes];
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(WriteBufferBytes);
    private ulong[] _hashes = ArrayPool<ulong>.Shared.Rent(1024);
    private int _hashCount;
    private int _buffered;
    private long _written;
    private long _synced;
    private BlockAddress _pending;
    private byte[] _pendingLastKey = [];
    private byte[] _smallest = [];
    private long _tombstones;
    private long _keyBytes;
    private long _valueBytes;
    private long _dataBlocks;
    private int _untriedBlocks;
    private int _nextUntriedBlocks;
    private bool _isComplete;
    private bool _isDisposed;

    public TableWriter(IFileSystem fs, string directory, ulong fileNumber)
    {
        _fs = fs;
        FileNumber = fileNumber;
        _path = Path.Combine(directory, TableFormat.FileName(fileNumber));
        _temporaryPath = _path + ".tmp";
        if (fs.FileExists(_temporaryPath)) fs.Delete(_temporaryPath);
        try
        {
            _file = fs.Open(_temporaryPath, FileOpenMode.CreateNew);
        }
        catch (DiskException e) when (e.IsDiskFull)
        {
            throw new OutOfSpaceException(e);
        }
    }

    public ulong FileNumber { get; }

    /// <summary>About the size of the file if it were completed now.</summary>
    public long Bytes => _written + _buffered + _data.Bytes;

    public long Records => _hashCount;

    /// <summary>Adds a record; storage keys strictly ascend.</summary>
    public void Add(ReadOnlySpan<byte> key, LogIndex index, in RecordInfo info, ReadOnlySpan<byte> value)
    {
        if (_hashCount == 0) _smallest = key.ToArray();
        if (_pendingLastKey.Length > 0) AddToIndex(Separator(_pendingLastKey, key));
        var header = _scratch.AsSpan(0, RecordHeader.Write(_scratch, index, info));
        _data.Add(key, header, value);
        if (_hashCount == _hashes.Length) GrowHashes();
        _hashes[_hashCount++] = StableHash.Of(key);
        Count(key, header.Length, info, value);
        if (_data.Bytes >= TableFormat.BlockBytes) EndDataBlock();
    }

    /// <summary>Completes the file, syncs it and gives it its name; the caller syncs the directory. One record at least was added.</summary>
    public TableInfo Complete()
    {
        Invariant.Check(_hashCount > 0 && !_isComplete);
        EndDataBlock();
        var largest = _pendingLastKey;
        AddToIndex(largest);
        EndIndexBlock();
        var filter = WriteBlock(BloomFilter.Build(_hashes.AsSpan(0, _hashCount)), BlockKind.Filter, compress: false);
        foreach (var (content, lastKey) in _indexBlocks) AddAddress(_topIndex, lastKey, WriteBlock(content, BlockKind.Index, compress: false));
        var top = WriteBlock(_topIndex.Finish(), BlockKind.TopIndex, compress: false);
        var facts = new TableProperties(_hashCount, _tombstones, _keyBytes, _valueBytes, _dataBlocks, _sections);
        var properties = WriteBlock(facts.Encode(), BlockKind.Properties, compress: true);
        new TableFooter(filter, top, properties, FileNumber).Write(Take(TableFormat.FooterBytes));
        FlushBuffer();
        _file.DataSync();
        GiveName();
        _isComplete = true;
        return new TableInfo(FileNumber, _written, _hashCount, _smallest, largest);
    }

    /// <summary>Closes the file; one that is not complete is deleted as far as the disk allows.</summary>
    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        _file.Dispose();
        ArrayPool<byte>.Shared.Return(_buffer);
        ArrayPool<ulong>.Shared.Return(_hashes);
        if (_isComplete) return;
        try
        {
            _fs.Delete(_temporaryPath);
        }
        catch (DiskException)
        {
            // A file that no manifest names is deleted at the next start.
        }
    }

    /// <summary>The shortest key that is not before <paramref name="before"/> and before <paramref name="after"/>, if there is a shorter one.</summary>
    internal static ReadOnlySpan<byte> Separator(byte[] before, ReadOnlySpan<byte> after)
    {
        var common = before.AsSpan().CommonPrefixLength(after);
        if (common + 1 >= before.Length || common >= after.Length || before[common] + 1 >= after[common]) return before;
        before[common]++;
        return before.AsSpan(0, common + 1);
    }

    private void Count(ReadOnlySpan<byte> key, int headerBytes, in RecordInfo info, ReadOnlySpan<byte> value)
    {
        if (info.IsTombstone) _tombstones++;
        _keyBytes += key.Length;
        _valueBytes += value.Length;
        var partition = StorageKey.PartitionOf(key);
        var generation = StorageKey.GenerationOf(key);
        if (_sections.Count == 0 || _sections[^1].Partition != partition || _sections[^1].Generation != generation)
            _sections.Add(new TableSection(partition, generation, 0, 0));
        var section = _sections[^1];
        _sections[^1] = section with { Records = section.Records + 1, Bytes = section.Bytes + key.Length + headerBytes + value.Length };
    }

    private void EndDataBlock()
    {
        if (_data.Count == 0) return;
        _pendingLastKey = _data.LastKey.ToArray();
        _pending = WriteDataBlock(_data.Finish());
        _data.Reset();
        _dataBlocks++;
    }

    /// <summary>Trying to compress what does not is most of the work of writing it: after each failure twice as many blocks are not tried.</summary>
    private BlockAddress WriteDataBlock(ReadOnlySpan<byte> content)
    {
        if (_untriedBlocks > 0)
        {
            _untriedBlocks--;
            return WriteBlock(content, BlockKind.Data, compress: false);
        }

        var address = WriteBlock(content, BlockKind.Data, compress: true);
        _nextUntriedBlocks = address.Length < content.Length ? 0 : Math.Clamp(_nextUntriedBlocks * 2, 1, MostBlocksUntried);
        _untriedBlocks = _nextUntriedBlocks;
        return address;
    }

    /// <summary>The index entry of a block waits for the first key after it, so that its key can be short.</summary>
    private void AddToIndex(ReadOnlySpan<byte> key)
    {
        AddAddress(_index, key, _pending);
        _pendingLastKey = [];
        if (_index.Bytes >= TableFormat.BlockBytes) EndIndexBlock();
    }

    private void EndIndexBlock()
    {
        if (_index.Count == 0) return;
        _indexBlocks.Add((_index.Finish().ToArray(), _index.LastKey.ToArray()));
        _index.Reset();
    }

    private static void AddAddress(BlockBuilder block, ReadOnlySpan<byte> key, BlockAddress address)
    {
        Span<byte> payload = stackalloc byte[2 * Varint.MaxBytes];
        var length = Varint.Write(payload, (ulong)address.Offset);
        length += Varint.Write(payload[length..], (ulong)address.Length);
        block.Add(key, payload[..length], []);
    }

    private BlockAddress WriteBlock(ReadOnlySpan<byte> content, BlockKind kind, bool compress)
    {
        var room = BlockCodec.MaxStoredBytes(content.Length);
        if (_buffer.Length - _buffered < room) FlushBuffer();
        if (_buffer.Length < room) GrowBuffer(room);
        var address = BlockCodec.Store(content, kind, compress, FileNumber, _written + _buffered, _buffer.AsSpan(_buffered));
        _buffered += address.Length + TableFormat.TrailerBytes;
        return address;
    }

    private void GrowHashes()
    {
        var hashes = ArrayPool<ulong>.Shared.Rent(_hashes.Length * 2);
        _hashes.CopyTo(hashes, 0);
        ArrayPool<ulong>.Shared.Return(_hashes);
        _hashes = hashes;
    }

    /// <summary>The buffer is empty.</summary>
    private void GrowBuffer(int bytes)
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = ArrayPool<byte>.Shared.Rent(bytes);
    }

    private Span<byte> Take(int bytes)
    {
        if (_buffer.Length - _buffered < bytes) FlushBuffer();
        _buffered += bytes;
        return _buffer.AsSpan(_buffered - bytes, bytes);
    }

    /// <summary>The directory may have to grow for the name.</summary>
    private void GiveName()
    {
        try
        {
            _fs.Rename(_temporaryPath, _path);
        }
        catch (DiskException e) when (e.IsDiskFull)
        {
            throw new OutOfSpaceException(e);
        }
    }

    private void FlushBuffer()
    {
        if (_buffered == 0) return;
        try
        {
            _file.Write(_written, _buffer.AsSpan(0, _buffered));
        }
        catch (DiskException e) when (e.IsDiskFull)
        {
            throw new OutOfSpaceException(e);
        }

        _written += _buffered;
        _buffered = 0;
        if (_written - _synced < SyncEveryBytes) return;
        _file.DataSync();
        _synced = _written;
    }
}

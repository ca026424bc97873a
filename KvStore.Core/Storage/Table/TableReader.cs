using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Table;

/// <summary>An open table. Everything may be called from any thread; nothing but the top index is kept outside the block cache.</summary>
internal sealed unsafe class TableReader : IDisposable
{
    private const int IoError = 5; // EIO

    /// <summary>Larger blocks take long even from memory, where nobody may wait.</summary>
    private const int MostBytesNow = 512 << 10;

    private readonly IFile _file;
    private readonly BlockCache _cache;
    private readonly TableFooter _footer;
    private readonly byte[] _topIndex;
    private readonly long _bytes;
    private readonly Lock _keeping = new();
    private BlockRef _keptFilter;
    private volatile bool _isFilterKept;

    private TableReader(IFile file, BlockCache cache, TableFooter footer, byte[] topIndex, long bytes)
    {
        _file = file;
        _cache = cache;
        _footer = footer;
        _topIndex = topIndex;
        _bytes = bytes;
    }

    public string Path => _file.Path;

    public byte[] TopIndex => _topIndex;

    public ulong FileNumber => _footer.FileNumber;

    /// <summary>Opens the file and reads footer and top index.</summary>
    /// <exception cref="CorruptionException">It is not there, not as long as the manifest says, or damaged.</exception>
    public static TableReader Open(IFileSystem fs, string path, TableInfo info, BlockCache cache)
    {
        var file = OpenFile(fs, path);
        try
        {
            if (file.Length != info.Bytes) throw new CorruptionException(path, 0, $"{file.Length} bytes long, the manifest says {info.Bytes}");
            var footer = ReadFooter(file, info);
            CheckAddress(footer.TopIndex, info.Bytes, path);
            var topIndex = ReadWhole(file, footer.TopIndex, BlockKind.TopIndex, info.FileNumber);
            return new TableReader(file, cache, footer, topIndex, info.Bytes);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public TableProperties ReadProperties()
    {
        try
        {
            CheckAddress(_footer.Properties, _bytes, Path);
            return TableProperties.Decode(ReadWhole(_file, _footer.Properties, BlockKind.Properties, FileNumber));
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            throw new CorruptionException(Path, _footer.Properties.Offset, e.Message);
        }
    }

    /// <summary>Finds a record; the value lies in <paramref name="held"/>, which the caller releases if the record was found.</summary>
    /// <param name="hash">XXH3-64 of the key.</param>
    /// <param name="access">Through the cache, or from it alone.</param>
    public Lookup Find(
        ReadOnlySpan<byte> key, ulong hash, BlockAccess access, out LogIndex index, out RecordInfo info, out ReadOnlySpan<byte> value, out BlockRef held)
    {
        index = default;
        info = default;
        value = default;
        held = default;
        var lookup = AskFilter(hash, access);
        if (lookup != Lookup.Found) return lookup;
        lookup = FindBlock(key, access, out var address);
        if (lookup != Lookup.Found) return lookup;
        if (!TryReadBlock(address, BlockKind.Data, access, out held)) return Lookup.NeedsDisk;
        try
        {
            if (new BlockReader(held.Content).TryFind(key, out var payload))
            {
                var at = 0;
                if (!RecordHeader.TryRead(payload, ref at, out index, out info)) throw new FormatException("a record header is broken");
                value = payload[at..];
                return Lookup.Found;
            }
        }
        catch (FormatException e)
        {
            held.Release();
            held = default;
            throw new CorruptionException(Path, address.Offset, e.Message);
        }

        held.Release();
        held = default;
        return Lookup.Absent;
    }

    /// <summary>A block through the cache; the caller releases it.</summary>
    /// <param name="counts">See <see cref="BlockCache.TryGet"/>.</param>
    public BlockRef ReadBlock(BlockAddress address, BlockKind kind, bool counts)
    {
        if (_cache.TryGet(FileNumber, address.Offset, counts, out var block)) return block;
        return _cache.Insert(Load(address, kind, mayWait: true), FileNumber, address.Offset);
    }

    /// <summary>A block from the disk, past the cache; the caller releases it.</summary>
    public BlockRef ReadUncached(BlockAddress address, BlockKind kind) => _cache.KeepPrivate(Load(address, kind, mayWait: true));

    /// <summary>The address in an index entry.</summary>
    public static BlockAddress AddressIn(ReadOnlySpan<byte> payload)
    {
        var at = 0;
        if (!Varint.TryRead(payload, ref at, out var offset) || !Varint.TryReadLength(payload, ref at, TableFormat.MaxBlockBytes, out var length))
            throw new FormatException("an index entry is broken");
        return new BlockAddress((long)offset, length);
    }

    public void Dispose()
    {
        if (_isFilterKept) _cache.EndKeeping(_keptFilter);
        _isFilterKept = false;
        _file.Dispose();
    }

    private bool TryReadBlock(BlockAddress address, BlockKind kind, BlockAccess access, out BlockRef block)
    {
        if (_cache.TryGet(FileNumber, address.Offset, counts: true, out block)) return true;
        var loaded = Load(address, kind, mayWait: access != BlockAccess.InMemory);
        if (loaded == null) return false;
        block = _cache.Insert(loaded, FileNumber, address.Offset);
        return true;
    }

    /// <summary>Absent is certain; Found means that the key may be there.</summary>
    private Lookup AskFilter(ulong hash, BlockAccess access)
    {
        if (_isFilterKept) return InFilter(_keptFilter, hash);
        if (!_cache.TryGet(FileNumber, _footer.Filter.Offset, counts: true, out var filter))
        {
            var block = Load(_footer.Filter, BlockKind.Filter, mayWait: access != BlockAccess.InMemory);
            if (block == null) return Lookup.NeedsDisk;
            if (TryKeepFilter(block)) return InFilter(_keptFilter, hash);
            if (_isFilterKept)
            {
                // Another reader was faster.
                _cache.Free(block);
                return InFilter(_keptFilter, hash);
            }

            filter = _cache.Insert(block, FileNumber, _footer.Filter.Offset);
        }

        try
        {
            return InFilter(filter, hash);
        }
        finally
        {
            filter.Release();
        }
    }

    private Lookup InFilter(in BlockRef filter, ulong hash)
    {
        try
        {
            return BloomFilter.MayContain(filter.Content, hash) ? Lookup.Found : Lookup.Absent;
        }
        catch (FormatException e)
        {
            throw new CorruptionException(Path, _footer.Filter.Offset, e.Message);
        }
    }

    private bool TryKeepFilter(CachedBlock* filter)
    {
        lock (_keeping)
        {
            if (_isFilterKept || !_cache.TryKeep(filter, out _keptFilter)) return false;
            _isFilterKept = true;
            return true;
        }
    }

    /// <summary>The one data block in which the key can be.</summary>
    private Lookup FindBlock(ReadOnlySpan<byte> key, BlockAccess access, out BlockAddress address)
    {
        address = default;
        var offset = _footer.TopIndex.Offset;
        BlockRef index = default;
        try
        {
            if (!new BlockReader(_topIndex).TryFindCeiling(key, out var payload)) return Lookup.Absent;
            var indexAddress = AddressIn(payload);
            offset = indexAddress.Offset;
            if (!TryReadBlock(indexAddress, BlockKind.Index, access, out index)) return Lookup.NeedsDisk;
            if (!new BlockReader(index.Content).TryFindCeiling(key, out payload)) return Lookup.Absent;
            address = AddressIn(payload);
            return Lookup.Found;
        }
        catch (FormatException e)
        {
            throw new CorruptionException(Path, offset, e.Message);
        }
        finally
        {
            index.Release();
        }
    }

    /// <summary>A stored block that is not compressed is used where it was read to. Null if only the disk has it, and it may not be waited for.</summary>
    private CachedBlock* Load(BlockAddress address, BlockKind kind, bool mayWait)
    {
        CheckAddress(address, _bytes, Path);
        if (!mayWait && address.Length > MostBytesNow) return null;
        var block = _cache.Allocate(address.Length + TableFormat.TrailerBytes);
        try
        {
            var stored = CachedBlock.Content(block);
            if (mayWait) Read(_file, address.Offset, stored);
            else if (!_file.TryReadNow(address.Offset, stored))
            {
                _cache.Free(block);
                return null;
            }

            var length = BlockCodec.Check(stored, kind, FileNumber, address.Offset, Path, out var isCompressed);
            if (!isCompressed)
            {
                block->Length = length;
                return block;
            }

            var content = _cache.Allocate(length);
            try
            {
                BlockCodec.Decompress(stored, CachedBlock.Content(content), Path, address.Offset);
            }
            catch
            {
                _cache.Free(content);
                throw;
            }

            _cache.Free(block);
            return content;
        }
        catch
        {
            _cache.Free(block);
            throw;
        }
    }

    /// <summary>What the disk cannot open is as good as damaged, like what it cannot read. Too few descriptors is another matter.</summary>
    private static IFile OpenFile(IFileSystem fs, string path)
    {
        try
        {
            return fs.FileExists(path) ? fs.Open(path, FileOpenMode.Read) : throw new CorruptionException(path, 0, "the table is missing");
        }
        catch (DiskException e) when (e.Errno == IoError)
        {
            throw new CorruptionException(path, 0, $"cannot be opened: {e.Message}");
        }
    }

    private static TableFooter ReadFooter(IFile file, TableInfo info)
    {
        var at = info.Bytes - TableFormat.FooterBytes;
        Span<byte> bytes = stackalloc byte[TableFormat.FooterBytes];
        try
        {
            if (at < 0) throw new FormatException("the table is too short");
            Read(file, at, bytes);
            var footer = TableFooter.Read(bytes);
            return footer.FileNumber == info.FileNumber ? footer : throw new FormatException($"this is table {footer.FileNumber}");
        }
        catch (FormatException e)
        {
            throw new CorruptionException(file.Path, Math.Max(0, at), e.Message);
        }
    }

    /// <summary>What the disk cannot read any more is as good as damaged: the copy of another replica is wanted.</summary>
    private static void Read(IFile file, long offset, Span<byte> bytes)
    {
        try
        {
            if (file.Read(offset, bytes) != bytes.Length) throw new CorruptionException(file.Path, offset, "the file ends within a block");
        }
        catch (DiskException e) when (!e.IsShortage)
        {
            throw new CorruptionException(file.Path, offset, $"cannot be read: {e.Message}");
        }
    }

    /// <summary>Before memory is taken for the block.</summary>
    private static void CheckAddress(BlockAddress address, long tableBytes, string path)
    {
        if (address.Offset < 0 || address.Length < 0 || address.Length > tableBytes - address.Offset - TableFormat.TrailerBytes)
            throw new CorruptionException(path, Math.Max(0, address.Offset), "an address beyond the end of the table");
    }

    /// <summary>Reads a block outside the cache.</summary>
    private static byte[] ReadWhole(IFile file, BlockAddress address, BlockKind kind, ulong fileNumber)
    {
        var stored = new byte[address.Length + TableFormat.TrailerBytes];
        Read(file, address.Offset, stored);
        var content = new byte[BlockCodec.Check(stored, kind, fileNumber, address.Offset, file.Path, out var isCompressed)];
        if (isCompressed) BlockCodec.Decompress(stored, content, file.Path, address.Offset);
        else stored.AsSpan(0, content.Length).CopyTo(content);
        return content;
    }
}

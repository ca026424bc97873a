using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage.Iteration;

namespace KvStore.Core.Storage.Table;

/// <summary>Walks one table, block by block. The owner keeps the table alive.</summary>
internal sealed class TableCursor(TableReader table, BlockAccess access) : RecordCursor
{
    private readonly BlockCursor _top = new();
    private readonly BlockCursor _index = new();
    private readonly BlockCursor _data = new();
    private BlockAddress _at;
    private LogIndex _recordIndex;
    private RecordInfo _info;
    private int _valueAt;

    public override bool IsValid => _data.IsValid;

    public override ReadOnlySpan<byte> Key => _data.Key;

    public override LogIndex Index => _recordIndex;

    public override RecordInfo Info => _info;

    public override ReadOnlySpan<byte> Value => _data.Payload[_valueAt..];

    public override void Seek(ReadOnlySpan<byte> key)
    {
        try
        {
            _data.Close();
            _top.Open(table.TopIndex);
            _top.Seek(key);
            if (!_top.IsValid) return;
            OpenIndexBlock();
            _index.Seek(key);
            if (!_index.IsValid) return;
            OpenDataBlock();
            _data.Seek(key);
            Settle();
        }
        catch (FormatException e)
        {
            throw Damaged(e);
        }
    }

    public override void Next()
    {
        try
        {
            _data.Next();
            Settle();
        }
        catch (FormatException e)
        {
            throw Damaged(e);
        }
    }

    public override void Dispose()
    {
        _top.Dispose();
        _index.Dispose();
        _data.Dispose();
    }

    /// <summary>Goes on to the next block while the current one has nothing more, then reads the record's header.</summary>
    private void Settle()
    {
        while (!_data.IsValid)
        {
            _index.Next();
            if (!_index.IsValid)
            {
                _top.Next();
                if (!_top.IsValid) return;
                OpenIndexBlock();
                _index.SeekFirst();
            }

            OpenDataBlock();
            _data.SeekFirst();
        }

        _valueAt = 0;
        if (!RecordHeader.TryRead(_data.Payload, ref _valueAt, out _recordIndex, out _info)) throw new FormatException("a record header is broken");
        if (_data.Key.Length <= StorageKey.PrefixBytes) throw new FormatException("a key is too short");
    }

    private void OpenIndexBlock() => _index.Open(Read(TableReader.AddressIn(_top.Payload), BlockKind.Index));

    private void OpenDataBlock() => _data.Open(Read(TableReader.AddressIn(_index.Payload), BlockKind.Data));

    private BlockRef Read(BlockAddress address, BlockKind kind)
    {
        _at = address;
        return access == BlockAccess.Cached ? table.ReadBlock(address, kind, counts: false) : table.ReadUncached(address, kind);
    }

    private CorruptionException Damaged(FormatException e)
    {
        Dispose();
        return new CorruptionException(table.Path, _at.Offset, e.Message);
    }
}

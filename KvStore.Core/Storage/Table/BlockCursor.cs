namespace KvStore.Core.Storage.Table;

/// <summary>Walks the entries of one block, which it holds. A broken structure is a <see cref="FormatException"/>. One owner.</summary>
internal sealed class BlockCursor : IDisposable
{
    private byte[] _key = new byte[64];
    private int _keyLength;
    private byte[]? _array;
    private BlockRef _block;
    private BlockReader.Entry _entry;
    private int _end;

    public bool IsValid { get; private set; }

    public ReadOnlySpan<byte> Key => _key.AsSpan(0, _keyLength);

    public ReadOnlySpan<byte> Payload => Content.Slice(_entry.PayloadAt, _entry.PayloadLength);

    private ReadOnlySpan<byte> Content => _array ?? _block.Content;

    /// <summary>Takes over a held block; stands nowhere until a seek.</summary>
    public void Open(BlockRef block)
    {
        Close();
        _block = block;
    }

    public void Open(byte[] block)
    {
        Close();
        _array = block;
    }

    public void Close()
    {
        _block.Release();
        _block = default;
        _array = null;
        IsValid = false;
    }

    public void SeekFirst()
    {
        _end = new BlockReader(Content).End;
        MoveTo(0);
    }

    /// <summary>Moves to the first entry whose key is at or after <paramref name="key"/>.</summary>
    public void Seek(ReadOnlySpan<byte> key)
    {
        var reader = new BlockReader(Content);
        _end = reader.End;
        MoveTo(reader.LastRestartNotAfter(key, out _));
        while (IsValid && Key.SequenceCompareTo(key) < 0) Next();
    }

    public void Next() => MoveTo(_entry.Next);

    public void Dispose() => Close();

    private void MoveTo(int offset)
    {
        IsValid = offset < _end;
        if (!IsValid) return;
        var entries = Content[.._end];
        _entry = BlockReader.EntryAt(entries, offset);
        if (_entry.Shared > _keyLength) throw new FormatException("a key shares more than there is");
        var length = _entry.Shared + _entry.SuffixLength;
        if (_key.Length < length) Array.Resize(ref _key, length * 2);
        entries.Slice(_entry.SuffixAt, _entry.SuffixLength).CopyTo(_key.AsSpan(_entry.Shared));
        _keyLength = length;
    }
}

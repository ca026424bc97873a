using System.Buffers.Binary;

namespace KvStore.Core.Storage.Table;

/// <summary>
/// Builds a block of sorted entries: shared key bytes, other key bytes, payload bytes (varints), the other key bytes, the payload; then the
/// offsets of the entries whose key is whole (4 bytes each) and their number (4).
/// </summary>
internal sealed class BlockBuilder(int restartInterval)
{
    private readonly List<int> _restarts = [];
    private byte[] _buffer = new byte[TableFormat.BlockBytes * 2];
    private byte[] _lastKey = new byte[256];
    private int _lastKeyLength;
    private int _length;

    public int Count { get; private set; }

    /// <summary>Size of the block if it were finished now.</summary>
    public int Bytes => _length + ((_restarts.Count + 1) * sizeof(int));

    public ReadOnlySpan<byte> LastKey => _lastKey.AsSpan(0, _lastKeyLength);

    public void Reset()
    {
        _restarts.Clear();
        _length = 0;
        _lastKeyLength = 0;
        Count = 0;
    }

    /// <summary>Appends an entry; its payload is <paramref name="head"/> followed by <paramref name="tail"/>. Keys ascend.</summary>
    public void Add(ReadOnlySpan<byte> key, ReadOnlySpan<byte> head, ReadOnlySpan<byte> tail)
    {
        var shared = 0;
        if (Count % restartInterval == 0) _restarts.Add(_length);
        else shared = key.CommonPrefixLength(LastKey);
        Reserve((3 * Varint.MaxBytes) + key.Length + head.Length + tail.Length);
        _length += Varint.Write(_buffer.AsSpan(_length), (ulong)shared);
        _length += Varint.Write(_buffer.AsSpan(_length), (ulong)(key.Length - shared));
        _length += Varint.Write(_buffer.AsSpan(_length), (ulong)(head.Length + tail.Length));
        Append(key[shared..]);
        Append(head);
        Append(tail);
        if (_lastKey.Length < key.Length) _lastKey = new byte[key.Length * 2];
        key.CopyTo(_lastKey);
        _lastKeyLength = key.Length;
        Count++;
    }

    /// <summary>The block, valid until the next call. One entry at least was added.</summary>
    public ReadOnlySpan<byte> Finish()
    {
        Reserve((_restarts.Count + 1) * sizeof(int));
        foreach (var restart in _restarts) AppendNumber(restart);
        AppendNumber(_restarts.Count);
        return _buffer.AsSpan(0, _length);
    }

    private void AppendNumber(int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(_buffer.AsSpan(_length), value);
        _length += sizeof(int);
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_buffer.AsSpan(_length));
        _length += bytes.Length;
    }

    private void Reserve(int bytes)
    {
        if (_buffer.Length - _length < bytes) Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, _length + bytes));
    }
}

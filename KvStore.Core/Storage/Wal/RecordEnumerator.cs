namespace KvStore.Core.Storage.Wal;

/// <summary>Walks the records of a batch whose checksum has been verified, or that this process encoded.</summary>
internal ref struct RecordEnumerator(ReadOnlySpan<byte> body)
{
    private readonly ReadOnlySpan<byte> _body = body;
    private int _next;

    /// <summary>Offset of the current record from the start of the body.</summary>
    public int Offset { get; private set; }

    public RecordHeader Header { get; private set; }

    public readonly ReadOnlySpan<byte> Payload => _body.Slice(Offset + RecordHeader.Bytes, Header.PayloadBytes);

    /// <summary>Whether the records filled the body exactly, once <see cref="MoveNext"/> has returned false.</summary>
    public readonly bool IsComplete => _next == _body.Length;

    public bool MoveNext()
    {
        if (_body.Length - _next < RecordHeader.Bytes) return false;
        Offset = _next;
        Header = RecordHeader.Read(_body[Offset..]);
        if (Header.PayloadBytes < 0 || Header.PayloadBytes > _body.Length - Offset - RecordHeader.Bytes) return false;
        _next = Offset + Header.TotalBytes;
        return true;
    }
}

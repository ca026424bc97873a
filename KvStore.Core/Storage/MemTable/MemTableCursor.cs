using KvStore.Core.Primitives;
using KvStore.Core.Storage.Iteration;

namespace KvStore.Core.Storage.MemTable;

/// <summary>
/// Shows of each key the newest record with <paramref name="after"/> &lt; index &lt;= <paramref name="through"/>.
/// The owner holds a reference to the memtable.
/// </summary>
/// <param name="prefix">Partition, generation and space of the records.</param>
internal sealed unsafe class MemTableCursor(PartitionMemTable table, ReadOnlyMemory<byte> prefix, LogIndex after, LogIndex through) : RecordCursor
{
    private readonly byte[] _key = KeyBuffer(prefix.Span);
    private int _keyLength;
    private MemRecord* _at;

    public override bool IsValid => _at != null;

    public override ReadOnlySpan<byte> Key => _key.AsSpan(0, _keyLength);

    public override LogIndex Index => new(_at->Index);

    public override RecordInfo Info => MemRecord.Info(_at);

    public override ReadOnlySpan<byte> Value => MemRecord.Value(_at);

    public override void Seek(ReadOnlySpan<byte> key)
    {
        var bound = key[..Math.Min(key.Length, StorageKey.PrefixBytes)];
        var order = bound.SequenceCompareTo(prefix.Span);
        _at = order > 0 ? null : table.Seek(order < 0 ? [] : key[StorageKey.PrefixBytes..], through);
        SkipHidden();
    }

    public override void Next()
    {
        SkipKey();
        SkipHidden();
    }

    public override void Dispose() => _at = null;

    /// <summary>The first record of a key that is not too new is the newest to show; if that one is too old, so are all that follow it.</summary>
    private void SkipHidden()
    {
        while (_at != null)
        {
            if (_at->Index > through.Value)
            {
                _at = MemRecord.Next(_at, 0);
                continue;
            }

            CopyKey();
            if (_at->Index > after.Value) return;
            SkipKey();
        }
    }

    /// <summary>Moves behind the records of the key in <see cref="_key"/>.</summary>
    private void SkipKey()
    {
        var current = _key.AsSpan(StorageKey.PrefixBytes, _keyLength - StorageKey.PrefixBytes);
        do _at = MemRecord.Next(_at, 0);
        while (_at != null && MemRecord.Key(_at).SequenceEqual(current));
    }

    private void CopyKey()
    {
        var key = MemRecord.Key(_at);
        key.CopyTo(_key.AsSpan(StorageKey.PrefixBytes));
        _keyLength = StorageKey.PrefixBytes + key.Length;
    }

    private static byte[] KeyBuffer(ReadOnlySpan<byte> prefix)
    {
        var buffer = new byte[StorageKey.PrefixBytes + StorageKey.MaxKeyBytes];
        prefix.CopyTo(buffer);
        return buffer;
    }
}

using KvStore.Core.Io;
using KvStore.Core.Storage.Iteration;

namespace KvStore.Core.Storage;

/// <summary>Walks a <see cref="ReadView"/> in key order; ends with it. The spans are valid until the next move.</summary>
public ref struct RecordIterator
{
    private readonly ReadContext _context;
    private readonly RecordCursor _cursor;
    private bool _started;

    internal RecordIterator(ReadContext context, RecordCursor cursor)
    {
        _context = context;
        _cursor = cursor;
    }

    public readonly ReadOnlySpan<byte> Key => StorageKey.UserKeyOf(_cursor.Key);

    public readonly RecordInfo Info => _cursor.Info;

    public readonly ReadOnlySpan<byte> Value => _cursor.Value;

    /// <summary>Moves to the next record; false at the end.</summary>
    /// <exception cref="CorruptionException">A table in the way is damaged.</exception>
    public bool MoveNext() => _context.MoveNext(_cursor, ref _started);
}

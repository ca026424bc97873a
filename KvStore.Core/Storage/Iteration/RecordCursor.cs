using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Iteration;

/// <summary>
/// Walks records in the order of their storage keys (see <see cref="StorageKey"/>), at most one per key: the newest that the cursor may show.
/// One owner. The spans are valid until the next move.
/// </summary>
internal abstract class RecordCursor : IDisposable
{
    /// <summary>Whether the cursor stands on a record.</summary>
    public abstract bool IsValid { get; }

    public abstract ReadOnlySpan<byte> Key { get; }

    /// <summary>The log entry that wrote the record.</summary>
    public abstract LogIndex Index { get; }

    public abstract RecordInfo Info { get; }

    public abstract ReadOnlySpan<byte> Value { get; }

    /// <summary>Moves to the first record whose key is at or after <paramref name="key"/>.</summary>
    public abstract void Seek(ReadOnlySpan<byte> key);

    /// <summary>Moves to the next record. Only while <see cref="IsValid"/>.</summary>
    public abstract void Next();

    public abstract void Dispose();
}

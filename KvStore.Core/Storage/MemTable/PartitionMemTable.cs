using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.MemTable;

/// <summary>
/// The newest records of one partition, or its overlay. One writer; readers see what was published. Costs next to nothing until the first
/// record comes. Counted references: the memory is freed when the last View that names it is gone.
/// </summary>
internal sealed unsafe class PartitionMemTable(ChunkPool pool, ulong seed, AppliedState state)
{
    private readonly AppliedCell _published = Filled(state);
    private Arena? _arena;
    private SkipList? _records;
    private int _references = 1;

    /// <summary>Readers see entries up to and including its index.</summary>
    public AppliedCell Published => _published;

    /// <summary>The greatest index put in, published or not. Writer only.</summary>
    public LogIndex LastIndex { get; private set; }

    public bool IsEmpty => Volatile.Read(ref _records) is null;

    /// <summary>Bytes of memory taken.</summary>
    public long Bytes => _arena?.Bytes ?? 0;

    public long Count => _records?.Count ?? 0;

    /// <summary>Writer only. A record with the same key and index is replaced.</summary>
    public void Put(LogIndex index, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, in RecordInfo info)
    {
        if (_records is null)
        {
            _arena = new Arena(pool);
            Volatile.Write(ref _records, new SkipList(_arena, seed));
        }

        _records.Insert(index, key, value, info);
        LastIndex = LogIndex.Max(LastIndex, index);
    }

    /// <summary>The newest record of the key that is not newer than <paramref name="at"/>, or null.</summary>
    public MemRecord* Find(ReadOnlySpan<byte> key, LogIndex at)
    {
        if (Volatile.Read(ref _records) is not { } records) return null;
        var record = records.Find(key, at.Value);
        return record != null && MemRecord.Key(record).SequenceEqual(key) ? record : null;
    }

    /// <summary>The first record at or after (key, index), or null.</summary>
    public MemRecord* Seek(ReadOnlySpan<byte> key, LogIndex at) => Volatile.Read(ref _records) is { } records ? records.Find(key, at.Value) : null;

    /// <summary>Only while the caller owns a reference.</summary>
    public void AddReference() => Interlocked.Increment(ref _references);

    public void Release()
    {
        var left = Interlocked.Decrement(ref _references);
        Invariant.Check(left >= 0);
        if (left == 0) _arena?.Free();
    }

    private static AppliedCell Filled(in AppliedState state)
    {
        var cell = new AppliedCell();
        cell.Set(state);
        return cell;
    }
}

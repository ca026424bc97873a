using System.Runtime.Intrinsics.X86;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.MemTable;

/// <summary>
/// A skip list over an arena (Pugh, "Skip Lists: A Probabilistic Alternative to Balanced Trees", 1990), ordered by key, then by index
/// descending; of records with the same key and index the one inserted last comes first. One writer, any number of readers without locks:
/// a record is complete before the first link to it is stored, links never go away.
/// </summary>
internal sealed unsafe class SkipList
{
    private const int MaxHeight = 12;

    private readonly Arena _arena;
    private readonly MemRecord* _head;
    private ulong _heightSeed;
    private int _height = 1;

    public SkipList(Arena arena, ulong seed)
    {
        _arena = arena;
        _heightSeed = seed | 1;
        _head = MemRecord.Create(arena, MaxHeight, 0, [], [], default);
        for (var level = 0; level < MaxHeight; level++) MemRecord.SetNext(_head, level, null);
    }

    public long Count { get; private set; }

    public MemRecord* First => MemRecord.Next(_head, 0);

    /// <summary>Writer only.</summary>
    public void Insert(LogIndex index, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, in RecordInfo info)
    {
        var before = stackalloc MemRecord*[MaxHeight];
        FindBefore(key, index.Value, before);
        var height = DrawHeight();
        for (; _height < height; Volatile.Write(ref _height, _height + 1)) before[_height] = _head;
        var record = MemRecord.Create(_arena, height, index.Value, key, value, info);
        for (var level = 0; level < height; level++)
        {
            MemRecord.SetNext(record, level, MemRecord.Next(before[level], level));
            MemRecord.SetNext(before[level], level, record);
        }

        Count++;
    }

    /// <summary>The first record at or after (key, index): the newest one of the key that is not newer than <paramref name="index"/>, or one of a later key, or null.</summary>
    public MemRecord* Find(ReadOnlySpan<byte> key, ulong index)
    {
        var at = _head;
        MemRecord* next = null;
        for (var level = Volatile.Read(ref _height) - 1; level >= 0; level--)
        {
            // What was found to be behind the target one level up need not be compared again.
            var known = next;
            while ((next = MemRecord.Next(at, level)) != null && next != known)
            {
                if (level > 0) Prefetch(MemRecord.Next(at, level - 1));
                if (!IsBefore(next, key, index)) break;
                at = next;
            }
        }

        return next;
    }

    private void FindBefore(ReadOnlySpan<byte> key, ulong index, MemRecord** before)
    {
        var at = _head;
        MemRecord* next = null;
        for (var level = _height - 1; level >= 0; level--)
        {
            var known = next;
            while ((next = MemRecord.Next(at, level)) != null && next != known)
            {
                if (level > 0) Prefetch(MemRecord.Next(at, level - 1));
                if (!IsBefore(next, key, index)) break;
                at = next;
            }

            before[level] = at;
        }
    }

    /// <summary>A search mostly waits for memory: the record it comes to if this one is too far is fetched while this one is compared.</summary>
    private static void Prefetch(MemRecord* record)
    {
        if (Sse.IsSupported) Sse.Prefetch0(record);
    }

    private static bool IsBefore(MemRecord* record, ReadOnlySpan<byte> key, ulong index)
    {
        var order = MemRecord.Key(record).SequenceCompareTo(key);
        return order < 0 || (order == 0 && record->Index > index);
    }

    /// <summary>Each level holds a quarter of the records of the one below. xorshift64 (Marsaglia, 2003).</summary>
    private int DrawHeight()
    {
        _heightSeed ^= _heightSeed << 13;
        _heightSeed ^= _heightSeed >> 7;
        _heightSeed ^= _heightSeed << 17;
        var bits = _heightSeed >> 16;
        var height = 1;
        for (; height < MaxHeight && (bits & 3) == 0; bits >>= 2) height++;
        return height;
    }
}

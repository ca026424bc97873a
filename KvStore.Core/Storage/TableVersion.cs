using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Storage.Iteration;
using KvStore.Core.Storage.Table;

namespace KvStore.Core.Storage;

/// <summary>
/// The tables of the tree at one moment: immutable, with counted references. Level 0 holds what was flushed, newest first, ranges overlapping;
/// in each deeper level ranges ascend and do not overlap, and everything in it is older than what the levels above say of the same key.
/// </summary>
internal sealed class TableVersion
{
    /// <summary>More than the data of any disk needs: what is damaged is moved down, and comes to lie in levels that would be empty.</summary>
    public const int LevelCount = 12;

    private readonly TableFile[][] _levels;
    private int _references = 1;

    /// <param name="levels">Sorted as described.</param>
    public TableVersion(TableFile[][] levels)
    {
        Invariant.Check(levels.Length == LevelCount);
        _levels = levels;
        foreach (var level in levels)
            foreach (var table in level) table.AddReference();
    }

    public static TableVersion Empty => new([.. Enumerable.Repeat<TableFile[]>([], LevelCount)]);

    public ReadOnlySpan<TableFile[]> Levels => _levels;

    public IEnumerable<TableFile> Tables => _levels.SelectMany(level => level);

    public TableFile[] Level(int level) => _levels[level];

    public long LevelBytes(int level) => _levels[level].Sum(table => table.Info.Bytes);

    /// <summary>Only while the caller owns a reference or holds the engine's lock.</summary>
    public void AddReference() => Interlocked.Increment(ref _references);

    public void Release()
    {
        var left = Interlocked.Decrement(ref _references);
        Invariant.Check(left >= 0);
        if (left > 0) return;
        foreach (var table in Tables) table.Release();
    }

    /// <summary>The newest record of a key; its value lies in <paramref name="held"/>, which the caller releases if one was found.</summary>
    /// <param name="access">Through the cache, or from it alone.</param>
    /// <exception cref="CorruptionException">A table that might hold the key is damaged. It never counts as absent for that.</exception>
    public Lookup Find(
        ReadOnlySpan<byte> storageKey, BlockAccess access, out LogIndex index, out RecordInfo info, out ReadOnlySpan<byte> value, out BlockRef held)
    {
        var hash = StableHash.Of(storageKey);
        Lookup lookup;
        foreach (var table in _levels[0])
        {
            if (!table.Info.Covers(storageKey)) continue;
            lookup = FindIn(table, storageKey, hash, access, out index, out info, out value, out held);
            if (lookup != Lookup.Absent) return lookup;
        }

        for (var level = 1; level < LevelCount; level++)
        {
            var tables = _levels[level];
            if (tables.Length == 0) continue;
            var at = LevelCursor.FirstEndingAtOrAfter(tables, storageKey);
            if (at >= tables.Length || !tables[at].Info.Covers(storageKey)) continue;
            lookup = FindIn(tables[at], storageKey, hash, access, out index, out info, out value, out held);
            if (lookup != Lookup.Absent) return lookup;
        }

        index = default;
        info = default;
        value = default;
        held = default;
        return Lookup.Absent;
    }

    /// <summary>Adds cursors over all tables that may hold keys between the two (both inclusive), newest first.</summary>
    public void AddCursors(List<RecordCursor> cursors, byte[] smallest, byte[] largest, BlockAccess access)
    {
        foreach (var table in _levels[0])
            if (table.Info.Overlaps(smallest, largest)) cursors.Add(new LevelCursor([table], access));
        for (var level = 1; level < LevelCount; level++)
        {
            var tables = Overlapping(level, smallest, largest);
            if (tables.Length > 0) cursors.Add(new LevelCursor(tables, access));
        }
    }

    /// <summary>The tables of a level that overlap a range, both ends inclusive, in the level's order.</summary>
    public TableFile[] Overlapping(int level, ReadOnlySpan<byte> smallest, ReadOnlySpan<byte> largest)
    {
        var found = new List<TableFile>();
        foreach (var table in _levels[level])
            if (table.Info.Overlaps(smallest, largest)) found.Add(table);
        return [.. found];
    }

    /// <summary>To open a table is to read the disk.</summary>
    private static Lookup FindIn(
        TableFile table, ReadOnlySpan<byte> storageKey, ulong hash, BlockAccess access, out LogIndex index, out RecordInfo info,
        out ReadOnlySpan<byte> value, out BlockRef held)
    {
        var reader = access == BlockAccess.InMemory ? table.ReaderIfOpen : table.Reader;
        if (reader is not null) return reader.Find(storageKey, hash, access, out index, out info, out value, out held);
        index = default;
        info = default;
        value = default;
        held = default;
        return Lookup.NeedsDisk;
    }
}

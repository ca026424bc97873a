using KvStore.Core.Primitives;
using KvStore.Core.Storage.Table;

namespace KvStore.Core.Storage.Iteration;

/// <summary>Walks tables whose key ranges ascend and do not overlap, one after the other; opens each when it comes to it.</summary>
internal sealed class LevelCursor(IReadOnlyList<TableFile> tables, BlockAccess access) : RecordCursor
{
    private TableCursor? _cursor;
    private int _table;

    public override bool IsValid => _cursor is { IsValid: true };

    public override ReadOnlySpan<byte> Key => _cursor!.Key;

    public override LogIndex Index => _cursor!.Index;

    public override RecordInfo Info => _cursor!.Info;

    public override ReadOnlySpan<byte> Value => _cursor!.Value;

    public override void Seek(ReadOnlySpan<byte> key)
    {
        _table = FirstEndingAtOrAfter(tables, key);
        Open();
        _cursor?.Seek(key);
        Settle();
    }

    public override void Next()
    {
        _cursor!.Next();
        Settle();
    }

    public override void Dispose()
    {
        _cursor?.Dispose();
        _cursor = null;
    }

    /// <summary>The position of the first table whose largest key is at or after <paramref name="key"/>.</summary>
    public static int FirstEndingAtOrAfter(IReadOnlyList<TableFile> tables, ReadOnlySpan<byte> key)
    {
        var low = 0;
        var high = tables.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (tables[middle].Info.Largest.AsSpan().SequenceCompareTo(key) < 0) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    private void Settle()
    {
        while (_cursor is { IsValid: false })
        {
            _table++;
            Open();
            _cursor?.Seek([]);
        }
    }

    private void Open()
    {
        Dispose();
        if (_table < tables.Count) _cursor = new TableCursor(tables[_table].Reader, access);
    }
}

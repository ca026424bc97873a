using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Iteration;

/// <summary>
/// Several cursors as one: of records with the same key the one with the greatest index is shown, between equal ones that of the
/// earlier source. Owns its sources.
/// </summary>
/// <param name="sources">Newest first.</param>
internal sealed class MergeCursor(IReadOnlyList<RecordCursor> sources) : RecordCursor
{
    // A binary heap of the sources that stand on a record; the root is the one shown.
    private readonly RecordCursor[] _heap = new RecordCursor[sources.Count];
    private readonly int[] _ages = new int[sources.Count];
    private readonly byte[] _lastKey = new byte[StorageKey.PrefixBytes + StorageKey.MaxKeyBytes];
    private int _count;

    public override bool IsValid => _count > 0;

    public override ReadOnlySpan<byte> Key => _heap[0].Key;

    public override LogIndex Index => _heap[0].Index;

    public override RecordInfo Info => _heap[0].Info;

    public override ReadOnlySpan<byte> Value => _heap[0].Value;

    public override void Seek(ReadOnlySpan<byte> key)
    {
        _count = 0;
        for (var i = 0; i < sources.Count; i++)
        {
            sources[i].Seek(key);
            if (!sources[i].IsValid) continue;
            _heap[_count] = sources[i];
            _ages[_count++] = i;
        }

        for (var i = (_count / 2) - 1; i >= 0; i--) SiftDown(i);
    }

    public override void Next()
    {
        if (_count == 1)
        {
            AdvanceRoot();
            return;
        }

        var key = Key;
        key.CopyTo(_lastKey);
        var length = key.Length;
        do AdvanceRoot();
        while (_count > 0 && _heap[0].Key.SequenceEqual(_lastKey.AsSpan(0, length)));
    }

    public override void Dispose()
    {
        foreach (var source in sources) source.Dispose();
    }

    private void AdvanceRoot()
    {
        _heap[0].Next();
        if (!_heap[0].IsValid)
        {
            _count--;
            (_heap[0], _ages[0]) = (_heap[_count], _ages[_count]);
        }

        SiftDown(0);
    }

    private void SiftDown(int parent)
    {
        while (true)
        {
            var least = parent;
            var left = (2 * parent) + 1;
            if (left < _count && IsBefore(left, least)) least = left;
            if (left + 1 < _count && IsBefore(left + 1, least)) least = left + 1;
            if (least == parent) return;
            (_heap[parent], _heap[least]) = (_heap[least], _heap[parent]);
            (_ages[parent], _ages[least]) = (_ages[least], _ages[parent]);
            parent = least;
        }
    }

    private bool IsBefore(int a, int b)
    {
        var order = _heap[a].Key.SequenceCompareTo(_heap[b].Key);
        if (order == 0) order = _heap[b].Index.CompareTo(_heap[a].Index);
        return order < 0 || (order == 0 && _ages[a] < _ages[b]);
    }
}

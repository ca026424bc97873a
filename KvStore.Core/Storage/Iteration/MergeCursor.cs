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

    /// <summary>Sources that stand on an older record of the same key are moved past it first: they are children of the root.</summary>
    public override void Next()
    {
        while (_count > 1 && _heap[1].Key.SequenceEqual(_heap[0].Key)) Advance(1);
        while (_count > 2 && _heap[2].Key.SequenceEqual(_heap[0].Key)) Advance(2);
        Advance(0);
    }

    public override void Dispose()
    {
        foreach (var source in sources) source.Dispose();
    }

    private void Advance(int position)
    {
        _heap[position].Next();
        if (!_heap[position].IsValid)
        {
            _count--;
            (_heap[position], _ages[position]) = (_heap[_count], _ages[_count]);
        }

        SiftDown(position);
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

using KvStore.Core.Primitives;

namespace KvStore.Core.Raft;

/// <summary>
/// What Raft needs to know of the retained log: terms as runs, sizes in a ring of ints, and where configuration entries lie. The
/// payloads are the driver's. Entries through <see cref="SnapshotIndex"/> are gone; only the term there is remembered.
/// </summary>
public sealed class RaftLog
{
    private readonly List<TermRun> _runs = new(8);
    private readonly List<TermRun> _cutRuns = [];
    private readonly List<LogIndex> _configurations = new(4);
    private int[] _sizes = new int[16];
    private int _head;
    private int _count;

    /// <summary>A log that starts after (<paramref name="snapshotIndex"/>, <paramref name="snapshotTerm"/>): both zero for an empty group.</summary>
    public RaftLog(LogIndex snapshotIndex = default, Term snapshotTerm = default) => Reset(snapshotIndex, snapshotTerm);

    public LogIndex SnapshotIndex { get; private set; }

    public Term SnapshotTerm { get; private set; }

    /// <summary>The first retained entry; LastIndex + 1 if there is none.</summary>
    public LogIndex FirstIndex => SnapshotIndex.Next;

    public LogIndex LastIndex => SnapshotIndex + (ulong)_count;

    public Term LastTerm => _runs.Count == 0 ? SnapshotTerm : _runs[^1].Term;

    /// <summary>The term of an entry, or of the entry before the first. The index must lie in SnapshotIndex to LastIndex.</summary>
    public Term TermAt(LogIndex index)
    {
        Invariant.Check(index >= SnapshotIndex && index <= LastIndex);
        if (index == SnapshotIndex) return SnapshotTerm;
        var run = _runs.Count - 1;
        while (_runs[run].First > index) run--;
        return _runs[run].Term;
    }

    /// <summary>Whether the entry at <paramref name="index"/> is known and has this term.</summary>
    public bool Holds(LogIndex index, Term term) =>
        index >= SnapshotIndex && index <= LastIndex && TermAt(index) == term;

    /// <summary>The size of a retained entry, in bytes.</summary>
    public int SizeAt(LogIndex index)
    {
        Invariant.Check(index > SnapshotIndex && index <= LastIndex);
        return _sizes[Slot(index - FirstIndex)];
    }

    /// <summary>The highest index, not above <paramref name="index"/>, whose term is not above <paramref name="term"/>; SnapshotIndex if no retained entry qualifies.</summary>
    public LogIndex LastAtOrBelow(LogIndex index, Term term)
    {
        index = LogIndex.Min(index, LastIndex);
        if (index <= SnapshotIndex) return index;
        for (var run = _runs.Count - 1; run >= 0; run--)
        {
            if (_runs[run].First > index) continue;
            if (_runs[run].Term <= term) return index;
            index = _runs[run].First.Previous;
        }

        return SnapshotIndex;
    }

    /// <summary>The newest configuration entry below <paramref name="index"/> that is retained, or Zero.</summary>
    public LogIndex ConfigurationBefore(LogIndex index)
    {
        for (var i = _configurations.Count - 1; i >= 0; i--)
            if (_configurations[i] < index) return _configurations[i];
        return LogIndex.Zero;
    }

    /// <summary>The newest configuration entry retained, or Zero.</summary>
    public LogIndex LastConfiguration => _configurations.Count == 0 ? LogIndex.Zero : _configurations[^1];

    /// <summary>Adds an entry after the last and returns its index. Terms never fall along a log.</summary>
    public LogIndex Append(Term term, int size, bool isConfiguration = false)
    {
        Invariant.Check(term >= LastTerm && size >= 0);
        if (_count == _sizes.Length) Grow();
        _sizes[Slot((ulong)_count)] = size;
        _count++;
        var index = LastIndex;
        if (_runs.Count == 0 || _runs[^1].Term != term) _runs.Add(new TermRun(term, index));
        if (isConfiguration) _configurations.Add(index);
        return index;
    }

    /// <summary>Drops the entry at <paramref name="index"/> and all after it.</summary>
    public void TruncateFrom(LogIndex index)
    {
        Invariant.Check(index > SnapshotIndex);
        if (index > LastIndex) return;
        _count = (int)(index - FirstIndex);
        _cutRuns.Clear();
        for (var i = 0; i < _runs.Count; i++)
            if (i == _runs.Count - 1 || _runs[i + 1].First > index) _cutRuns.Add(_runs[i]);
        while (_runs.Count > 0 && _runs[^1].First >= index) _runs.RemoveAt(_runs.Count - 1);
        while (_configurations.Count > 0 && _configurations[^1] >= index) _configurations.RemoveAt(_configurations.Count - 1);
    }

    /// <summary>The term that an entry had which the latest <see cref="TruncateFrom"/> dropped. Another entry may lie at its index by now.</summary>
    public Term CutTermAt(LogIndex index)
    {
        Invariant.Check(_cutRuns.Count > 0 && index >= _cutRuns[0].First);
        var run = _cutRuns.Count - 1;
        while (_cutRuns[run].First > index) run--;
        return _cutRuns[run].Term;
    }

    /// <summary>Forgets the entries through <paramref name="index"/>, which must be in the log or before it.</summary>
    public void CompactThrough(LogIndex index)
    {
        if (index <= SnapshotIndex) return;
        Invariant.Check(index <= LastIndex);
        var term = TermAt(index);
        var dropped = (int)(index - SnapshotIndex);
        _head = (_head + dropped) & (_sizes.Length - 1);
        _count -= dropped;
        SnapshotIndex = index;
        SnapshotTerm = term;
        DropRunsBefore(FirstIndex);
        var configurations = 0;
        while (configurations < _configurations.Count && _configurations[configurations] <= index) configurations++;
        _configurations.RemoveRange(0, configurations);
    }

    /// <summary>Empties the log: it now starts after (<paramref name="index"/>, <paramref name="term"/>).</summary>
    public void Reset(LogIndex index, Term term)
    {
        _runs.Clear();
        _configurations.Clear();
        _head = 0;
        _count = 0;
        SnapshotIndex = index;
        SnapshotTerm = term;
    }

    private void DropRunsBefore(LogIndex first)
    {
        if (_count == 0)
        {
            _runs.Clear();
            return;
        }

        var gone = 0;
        while (gone + 1 < _runs.Count && _runs[gone + 1].First <= first) gone++;
        _runs.RemoveRange(0, gone);
        _runs[0] = _runs[0] with { First = LogIndex.Max(_runs[0].First, first) };
    }

    private int Slot(ulong offset) => (int)(((ulong)_head + offset) & (ulong)(_sizes.Length - 1));

    private void Grow()
    {
        var larger = new int[_sizes.Length * 2];
        var first = _sizes.Length - _head;
        Array.Copy(_sizes, _head, larger, 0, first);
        Array.Copy(_sizes, 0, larger, first, _head);
        _sizes = larger;
        _head = 0;
    }

    private readonly record struct TermRun(Term Term, LogIndex First);
}

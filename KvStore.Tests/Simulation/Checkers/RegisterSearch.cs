using KvStore.Core.Primitives;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>
/// Looks for an order of one key's operations that explains their answers: Wing and Gong ("Testing and Verifying Concurrent
/// Objects", 1993) with Lowe's memory of (operations placed, state) pairs seen. The memory holds 128-bit hashes of the pairs.
/// Three observations keep the search near linear on registers. An operation without effect that matches the state is placed
/// at once: that only frees others. A write may not be replaced before all its readers are placed, and may be placed only
/// when nothing must come between it and its readers. And where no delete is near, the first write that may be placed can be
/// placed without looking back (<see cref="IsSafe"/>; for puts and gets alone this is the test of Gibbons and Korach,
/// "Testing Shared Memories", 1997).
/// </summary>
internal sealed class RegisterSearch
{
    private readonly KeyHistory _history;
    private readonly RemainingOperations _byInvoke; // those that must be placed
    private readonly RemainingOperations _byReturn; // the same
    private readonly RemainingOperations _optional; // those that may never have happened
    private readonly RemainingOperations _deletes;
    private readonly RemainingOperations _needAbsent;
    private readonly RemainingOperations _needPresent;
    private readonly RemainingOperations _ambiguous;
    private readonly RemainingOperations _unclear; // these, and those that may never have happened
    private readonly RemainingOperations[] _lists; // all of these
    private readonly int[] _readersLeft;
    private readonly bool[] _isNamed; // by any operation
    private readonly UInt128[] _hashes; // of each operation as placed, then of each as state
    private readonly HashSet<UInt128> _seen = [];
    private readonly Stack<(int Operation, int StateBefore)> _placed = new();
    private readonly Stack<Choice> _choices = new();
    private readonly (ulong, ulong)?[] _versions;
    private UInt128 _placedHash;
    private int _state = KeyHistory.NoWriter;

    public RegisterSearch(KeyHistory history)
    {
        _history = history;
        var count = history.Operations.Length;
        var all = Enumerable.Range(0, count).ToArray();
        _byInvoke = new RemainingOperations(count, all.Where(i => history.Must[i]));
        _byReturn = new RemainingOperations(count, all.Where(i => history.Must[i]).OrderBy(i => history.Return[i]));
        _optional = new RemainingOperations(count, all.Where(i => !history.Must[i]));
        _deletes = new RemainingOperations(count, all.Where(i => history.Deletes[i]));
        _needAbsent = new RemainingOperations(count, all.Where(i => history.Must[i] && history.Need[i] == RegisterNeed.Absent));
        _needPresent = new RemainingOperations(count, all.Where(i => history.Must[i] && history.Need[i] == RegisterNeed.Present));
        _ambiguous = new RemainingOperations(
            count,
            all.Where(i => (history.Must[i] || history.Deletes[i])
                && history.Need[i] is RegisterNeed.Value or RegisterNeed.Revision or RegisterNeed.NotRevision));
        _unclear = new RemainingOperations(
            count, all.Where(i => history.Need[i] is RegisterNeed.Value or RegisterNeed.Revision or RegisterNeed.NotRevision));
        _lists = [_byInvoke, _byReturn, _optional, _deletes, _needAbsent, _needPresent, _ambiguous, _unclear];
        _readersLeft = new int[count];
        _isNamed = new bool[count];
        foreach (var i in all.Where(i => history.NeededWriter[i] != KeyHistory.NoWriter)) _isNamed[history.NeededWriter[i]] = true;
        foreach (var i in all.Where(i => history.Must[i] && history.NeededWriter[i] != KeyHistory.NoWriter)) _readersLeft[history.NeededWriter[i]]++;
        var random = new Prng(count > 0 ? (ulong)count : 1);
        _hashes = [.. Enumerable.Range(0, 2 * count).Select(_ => new UInt128(random.NextUInt64(), random.NextUInt64()))];
        _versions = Array.ConvertAll(history.RevisionOf, VersionIn);
    }

    /// <summary>The longest order found when the search failed, in order.</summary>
    public int[] LongestOrder { get; private set; } = [];

    /// <param name="maxStates">How many (placed, state) pairs are tried before giving up.</param>
    public LinearizabilityVerdict Run(long maxStates)
    {
        while (true)
        {
            PlaceWhatHasNoEffect();
            if (_byReturn.Count == 0) return LinearizabilityVerdict.Linearizable;
            if (_seen.Count >= maxStates) return LinearizabilityVerdict.Undecided;
            var isNew = _seen.Add(_placedHash ^ (_state == KeyHistory.NoWriter ? 0 : _hashes[^(_state + 1)]));
            var candidates = isNew ? Candidates() : [];
            if (candidates.Count > 0) _choices.Push(new Choice(_placed.Count, candidates));
            else NoteDeadEnd();
            if (!Advance()) return LinearizabilityVerdict.Violation;
        }
    }

    private bool Advance()
    {
        while (_choices.TryPeek(out var choice))
        {
            while (_placed.Count > choice.PlacedBefore) TakeBack();
            if (choice.Next < choice.Candidates.Count)
            {
                Place(choice.Candidates[choice.Next++]);
                return true;
            }

            _choices.Pop();
        }

        return false;
    }

    private void NoteDeadEnd()
    {
        if (_placed.Count > LongestOrder.Length) LongestOrder = [.. _placed.Select(p => p.Operation).Reverse()];
    }

    private long FirstReturn => _byReturn.First is var first && first >= 0 ? _history.Return[first] : long.MaxValue;

    private void PlaceWhatHasNoEffect()
    {
        for (var i = _byInvoke.First; IsEnabled(i); i = _byInvoke.After(i))
        {
            if (!_history.HasEffect(i) && _history.Matches(i, _state)) Place(i);
        }
    }

    private List<int> Candidates()
    {
        var candidates = new List<int>();
        for (var i = _byInvoke.First; IsEnabled(i); i = _byInvoke.After(i))
        {
            if (!_history.HasEffect(i) || !MayReplaceState(i) || !_history.Matches(i, _state) || MustOthersComeFirst(i)) continue;
            if (IsSafe(i)) return [i];
            candidates.Add(i);
        }

        candidates.Sort(ByLikelihood);
        AddOptional(candidates);
        return candidates;
    }

    /// <summary>
    /// Operations that need not have happened are placed only for one that can come right after: an optional delete for one
    /// that needs the key absent, an optional write for one that needs it present or may mean it. Of those that nothing names one is as
    /// good as another: what may come next now may come next later, too.
    /// </summary>
    private void AddOptional(List<int> candidates)
    {
        var isAbsent = _state == KeyHistory.NoWriter;
        var isWanted = IsEnabled((isAbsent ? _needPresent : _needAbsent).First);
        var sought = IsEnabled(_ambiguous.First) ? FindSought() : null; // it may mean any write
        var (hasPlainWrite, hasPlainDelete, hasUnclearWrite) = (false, false, false);
        for (var i = _optional.First; IsEnabled(i); i = _optional.After(i))
        {
            if (!MayReplaceState(i) || !_history.Matches(i, _state)) continue;
            var isPlain = _history.Need[i] == RegisterNeed.Nothing && !(_history.Writes[i] && (_history.ChainMayDelete[i] || _isNamed[i]));
            if (!isPlain) candidates.Add(i);
            else if (_history.Deletes[i]) hasPlainDelete |= AddFirst(i, !hasPlainDelete && (sought is not null || (isWanted && !isAbsent)));
            else if (sought is not null && sought.Names(_history.Operations[i].Value, _history.RevisionOf[i])) candidates.Add(i);
            else if (sought is { IsAny: true } && _history.RevisionOf[i] is null) hasUnclearWrite |= AddFirst(i, !hasUnclearWrite);
            else hasPlainWrite |= AddFirst(i, !hasPlainWrite && isWanted && isAbsent);
        }

        bool AddFirst(int operation, bool isFirst)
        {
            if (isFirst) candidates.Add(operation);
            return isFirst;
        }
    }

    /// <summary>What those that may come next and of which it is unclear what they met may have met.</summary>
    private Sought FindSought()
    {
        var sought = new Sought();
        for (var i = _unclear.First; IsEnabled(i); i = _unclear.After(i))
        {
            if (_history.Need[i] == RegisterNeed.Value) sought.Values.Add(_history.Operations[i].Value!);
            else if (_history.Need[i] == RegisterNeed.NotRevision) sought.IsAlmostAny = true;
            else if (_history.SoughtRevisionOf(i) is { } revision) sought.Revisions.Add(revision);
            sought.IsAny |= _history.Need[i] != RegisterNeed.Value;
        }

        return sought;
    }

    /// <summary>
    /// Writes by their value or revision; if <see cref="IsAny"/>, one whose revision is not known; if <see cref="IsAlmostAny"/>, any other.
    /// </summary>
    private sealed class Sought
    {
        public HashSet<string> Values { get; } = [];

        public HashSet<string> Revisions { get; } = [];

        public bool IsAny { get; set; }

        public bool IsAlmostAny { get; set; }

        public bool Names(string? value, string? revision) =>
            (value is not null && Values.Contains(value)) || (revision is not null && (IsAlmostAny || Revisions.Contains(revision)));
    }

    /// <summary>An operation (-1: none) may come next if it was invoked before any that is left returned.</summary>
    private bool IsEnabled(int operation) => operation >= 0 && _history.Invoke[operation] <= FirstReturn;

    private bool MayReplaceState(int operation)
    {
        if (_state == KeyHistory.NoWriter) return true;
        var isReader = _history.Must[operation] && _history.NeededWriter[operation] == _state;
        return _readersLeft[_state] == (isReader ? 1 : 0);
    }

    /// <summary>
    /// Whether an operation of another chain returned before the last of this write's chain was invoked and cannot stand between
    /// them, as one without effect can that does not care which write it meets.
    /// </summary>
    private bool MustOthersComeFirst(int write)
    {
        if (_history.ChainOf[write] != write) return false;
        for (var i = _byReturn.First; i >= 0 && _history.Return[i] < _history.LastInvokeOfChain[write]; i = _byReturn.After(i))
        {
            if (_history.ChainOf[i] != write && !_history.MayStandInChain(i)) return true;
        }

        return false;
    }

    /// <summary>
    /// Whether, if there is an order at all, there is one in which this write's chain comes next. Given any order, move the
    /// chain to its front. Named readers are in the chain of their write and move with it or stay with theirs. What is left
    /// are operations that only need the key present or absent. Those before the chain's old place saw the present state and
    /// now see the chain's: the same, unless they need absence, and then they were invoked before the chain's first return.
    /// Those after its old place, before the next write, saw its write and now see the one before: present too, unless that
    /// is a delete, and only those that need presence mind. A delete that may never have happened and names the present state would lose it.
    /// </summary>
    private bool IsSafe(int write)
    {
        if (_history.ChainOf[write] != write || _history.Need[write] != RegisterNeed.Nothing || _history.ChainMayDelete[write]) return false;
        if (_state != KeyHistory.NoWriter && _history.ChainMayDelete[_history.ChainOf[_state]]) return false;
        var firstReturn = _history.FirstReturnOfChain[write];
        if (_state == KeyHistory.NoWriter && _needAbsent.First is var absent && absent >= 0 && _history.Invoke[absent] <= firstReturn) return false;
        var firstReturnAfter = FirstReturnOfSuccessors(write);
        if (_ambiguous.First is var unclear && unclear >= 0 && _history.Invoke[unclear] <= Math.Max(firstReturn, firstReturnAfter)) return false;
        if (_deletes.First is var delete && (delete < 0 || _history.Invoke[delete] > firstReturn)) return true;
        return _needPresent.First is var present && (present < 0 || _history.Invoke[present] > firstReturnAfter);
    }

    /// <summary>When the first write or delete that must follow this write's chain returned: what is invoked later does not meet the chain's state.</summary>
    private long FirstReturnOfSuccessors(int write)
    {
        for (var i = _byReturn.First; i >= 0; i = _byReturn.After(i))
        {
            if (_history.HasEffect(i) && _history.ChainOf[i] != write && _history.Invoke[i] > _history.FirstReturnOfChain[write]) return _history.Return[i];
        }

        return long.MaxValue;
    }

    /// <summary>The order of versions is most likely the order of the writes; after them, what had to be finished first.</summary>
    private int ByLikelihood(int a, int b)
    {
        if (_versions[a] is { } versionA && _versions[b] is { } versionB) return versionA.CompareTo(versionB);
        if (_versions[a].HasValue != _versions[b].HasValue) return _versions[a].HasValue ? -1 : 1;
        return _history.FirstReturnOfChain[_history.ChainOf[a]].CompareTo(_history.FirstReturnOfChain[_history.ChainOf[b]]);
    }

    /// <summary>The term.index with which a revision's text begins, if it does; only a hint.</summary>
    private static (ulong Term, ulong Index)? VersionIn(string? revision)
    {
        var parts = revision?.Split('@')[0].Split('.');
        return parts is { Length: 2 } && ulong.TryParse(parts[0], out var term) && ulong.TryParse(parts[1], out var index) ? (term, index) : null;
    }

    private void Place(int operation)
    {
        _placed.Push((operation, _state));
        foreach (var list in _lists) list.Remove(operation);
        Count(operation, -1);
        if (_history.Writes[operation]) _state = operation;
        else if (_history.Deletes[operation]) _state = KeyHistory.NoWriter;
    }

    private void TakeBack()
    {
        var (operation, stateBefore) = _placed.Pop();
        foreach (var list in _lists) list.Restore(operation);
        Count(operation, +1);
        _state = stateBefore;
    }

    private void Count(int operation, int by)
    {
        _placedHash ^= _hashes[operation];
        if (_history.Must[operation] && _history.NeededWriter[operation] != KeyHistory.NoWriter) _readersLeft[_history.NeededWriter[operation]] += by;
    }

    /// <summary>A point at which one of several operations comes next.</summary>
    private sealed class Choice(int placedBefore, List<int> candidates)
    {
        public int PlacedBefore { get; } = placedBefore;

        public List<int> Candidates { get; } = candidates;

        public int Next { get; set; }
    }
}

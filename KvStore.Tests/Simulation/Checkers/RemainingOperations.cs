namespace KvStore.Tests.Simulation.Checkers;

/// <summary>
/// A list of operation numbers from which any can be taken and, in the reverse order, put back, each in constant time
/// (Knuth's dancing links; Lowe, "Testing for Linearizability", 2017).
/// </summary>
internal sealed class RemainingOperations
{
    private readonly int[] _next;
    private readonly int[] _previous;
    private readonly bool[] _member;
    private readonly int _end;

    public RemainingOperations(int operationCount, IEnumerable<int> inOrder)
    {
        _end = operationCount;
        _next = new int[operationCount + 1];
        _previous = new int[operationCount + 1];
        _member = new bool[operationCount];
        var last = _end;
        foreach (var operation in inOrder)
        {
            _next[last] = operation;
            _previous[operation] = last;
            _member[operation] = true;
            last = operation;
            Count++;
        }

        _next[last] = _end;
        _previous[_end] = last;
    }

    public int Count { get; private set; }

    /// <summary>The first operation left, or -1.</summary>
    public int First => Or(_next[_end]);

    /// <summary>The one after, or -1. Also right for an operation just removed.</summary>
    public int After(int operation) => Or(_next[operation]);

    public void Remove(int operation)
    {
        if (!_member[operation]) return;
        _next[_previous[operation]] = _next[operation];
        _previous[_next[operation]] = _previous[operation];
        Count--;
    }

    public void Restore(int operation)
    {
        if (!_member[operation]) return;
        _next[_previous[operation]] = operation;
        _previous[_next[operation]] = operation;
        Count++;
    }

    private int Or(int operation) => operation == _end ? -1 : operation;
}

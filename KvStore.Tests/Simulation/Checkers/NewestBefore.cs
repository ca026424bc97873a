namespace KvStore.Tests.Simulation.Checkers;

/// <summary>Answers which of many versions was the newest that had come about before a moment.</summary>
internal sealed class NewestBefore<T>
    where T : class
{
    private readonly long[] _times;
    private readonly (RecordVersion Version, T Item)[] _newest;

    /// <param name="items">When each came about, in ns; in any order.</param>
    public NewestBefore(IEnumerable<(long AtNs, RecordVersion Version, T Item)> items)
    {
        var ordered = items.OrderBy(i => i.AtNs).ToArray();
        _times = Array.ConvertAll(ordered, i => i.AtNs);
        _newest = Array.ConvertAll(ordered, i => (i.Version, i.Item));
        for (var i = 1; i < _newest.Length; i++)
            if (_newest[i].Version < _newest[i - 1].Version) _newest[i] = _newest[i - 1];
    }

    public T? At(long ns) => At(ns, out _);

    /// <summary>The newest of those from before the moment; null if there is none.</summary>
    public T? At(long ns, out RecordVersion version)
    {
        var at = Array.BinarySearch(_times, ns);
        if (at < 0) at = ~at;
        while (at > 0 && _times[at - 1] >= ns) at--;
        (version, var item) = at > 0 ? _newest[at - 1] : default;
        return item;
    }
}

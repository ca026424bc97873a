namespace KvStore.Tests.Simulation.Checkers;

/// <summary>Committed writes of one partition in the order of their indexes, in which their terms ascend, too.</summary>
internal sealed class WriteLog
{
    private readonly ObservedWrite[] _writes;
    private readonly ulong[] _indexes;

    public WriteLog(IEnumerable<ObservedWrite> committed)
    {
        _writes = [.. committed.OrderBy(w => w.Version.Index)];
        _indexes = Array.ConvertAll(_writes, w => w.Version.Index);
    }

    public static WriteLog Empty { get; } = new([]);

    public ObservedWrite this[int position] => _writes[position];

    /// <summary>How many have an index up to this one.</summary>
    public int CountThrough(ulong index)
    {
        var at = Array.BinarySearch(_indexes, index);
        if (at < 0) return ~at;
        while (at + 1 < _indexes.Length && _indexes[at + 1] == index) at++;
        return at + 1;
    }
}

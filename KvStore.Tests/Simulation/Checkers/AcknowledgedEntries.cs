using KvStore.Core.Primitives;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>When each follower had told, and in which term, through which entry its disk holds the log.</summary>
internal sealed class AcknowledgedEntries
{
    private readonly Dictionary<(ushort Partition, ushort Node), List<(ulong Term, ulong Index, long AtNs)>> _told = [];

    public void Add(PartitionId partition, NodeId node, Term term, LogIndex through, long nowNs)
    {
        if (!_told.TryGetValue((partition.Value, node.Value), out var told)) _told.Add((partition.Value, node.Value), told = []);
        if (told.Count == 0 || (told[^1].Term, told[^1].Index).CompareTo((term.Value, through.Value)) < 0) told.Add((term.Value, through.Value, nowNs));
    }

    /// <summary>Whether a node had told before a moment that it holds an entry: in the entry's term or a later one, for what it told before may have been cut.</summary>
    public bool HadTold(ushort partition, ushort node, RecordVersion entry, long nowNs)
    {
        if (!_told.TryGetValue((partition, node), out var told)) return false;
        var at = told.BinarySearch((0, 0, nowNs + 1), Comparer<(ulong Term, ulong Index, long AtNs)>.Create((a, b) => a.AtNs.CompareTo(b.AtNs)));
        for (var i = (at < 0 ? ~at : at) - 1; i >= 0 && told[i].Term >= entry.Term; i--)
            if (told[i].Index >= entry.Index && told[i].AtNs <= nowNs) return true;
        return false;
    }
}

using KvStore.Core.Primitives;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>When each follower had told through which entry its disk holds the log.</summary>
internal sealed class AcknowledgedEntries
{
    private readonly Dictionary<(ushort Partition, ushort Node), List<(ulong Index, long AtNs)>> _told = [];

    public void Add(PartitionId partition, NodeId node, LogIndex through, long nowNs)
    {
        if (!_told.TryGetValue((partition.Value, node.Value), out var told)) _told.Add((partition.Value, node.Value), told = []);
        if (told.Count == 0 || told[^1].Index < through.Value) told.Add((through.Value, nowNs));
    }

    /// <summary>Whether a node had told before a moment that it holds an entry.</summary>
    public bool HadTold(ushort partition, ushort node, ulong index, long nowNs)
    {
        if (!_told.TryGetValue((partition, node), out var told)) return false;
        var at = told.BinarySearch((index, 0), Comparer<(ulong Index, long AtNs)>.Create((a, b) => a.Index.CompareTo(b.Index)));
        if (at < 0) at = ~at;
        return at < told.Count && told[at].AtNs <= nowNs;
    }
}

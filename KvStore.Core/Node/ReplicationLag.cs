using KvStore.Core.Primitives;
using KvStore.Core.Raft;

namespace KvStore.Core.Node;

/// <summary>How far one replica is behind its primary.</summary>
/// <param name="Entries">Log entries it has not acknowledged.</param>
/// <param name="Bytes">Their payloads.</param>
/// <param name="Seconds">For how long the oldest of them has been waiting, to the second.</param>
public readonly record struct ReplicationLag(long Entries, long Bytes, double Seconds)
{
    /// <summary>Over several partitions: sums, and the longest wait.</summary>
    public ReplicationLag With(ReplicationLag other) => new(Entries + other.Entries, Bytes + other.Bytes, Math.Max(Seconds, other.Seconds));
}

/// <summary>Measures the lag of one partition's followers once a second, so that a wait is known without a time stamp per entry.</summary>
internal sealed class LagMeter
{
    /// <summary>Sizes are summed up to here; a follower further behind is estimated from their mean.</summary>
    private const int SummedEntries = 256;

    private readonly Dictionary<NodeId, (LogIndex Last, long AtNs)> _marks = [];

    public ReplicationLag Measure(NodeId node, LogIndex match, RaftLog log, long nowNs)
    {
        if (match >= log.LastIndex)
        {
            _marks.Remove(node);
            return default;
        }

        // The mark is the log's end at some earlier time; while it is not acknowledged, the follower is at least that old.
        if (!_marks.TryGetValue(node, out var mark) || match >= mark.Last) _marks[node] = mark = (log.LastIndex, nowNs);
        var entries = (long)(log.LastIndex - match);
        return new ReplicationLag(entries, BytesAfter(match, entries, log), (nowNs - mark.AtNs) / 1e9);
    }

    private static long BytesAfter(LogIndex match, long entries, RaftLog log)
    {
        var bytes = 0L;
        var counted = 0;
        for (var index = LogIndex.Max(match.Next, log.FirstIndex); index <= log.LastIndex && counted < SummedEntries; index = index.Next, counted++)
            bytes += log.SizeAt(index);
        return counted == 0 ? 0 : bytes * entries / counted;
    }
}

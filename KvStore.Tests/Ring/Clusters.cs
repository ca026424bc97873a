using KvStore.Core.Primitives;
using KvStore.Core.Ring;

namespace KvStore.Tests.Ring;

/// <summary>Members for tests: n1, n2, ... at 10.0.0.n.</summary>
internal static class Clusters
{
    public static ClusterMember Member(int number, string zone = "", int weight = 1, MemberState state = MemberState.Active) => new()
    {
        Id = new NodeId((ushort)number),
        Name = $"n{number}",
        Address = $"10.0.0.{number}:7400",
        Zone = zone,
        Weight = weight,
        Incarnation = 0x1000UL + (ulong)number,
        State = state,
    };

    public static ClusterMember[] Of(int count) => [.. Enumerable.Range(1, count).Select(n => Member(n))];

    /// <summary>The smallest permitted number of partitions that is at least 20 per node.</summary>
    public static int EnoughPartitions(int nodes)
    {
        var partitions = 16;
        while (partitions < 20 * nodes) partitions *= 2;
        return partitions;
    }
}

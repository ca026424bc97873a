using KvStore.Protocol.Messages;

namespace KvStore.Daemon.Ctl.Documents;

/// <summary>What of the ring one member has.</summary>
/// <param name="Owns">The share of all replicas that it holds, 0 to 1: the shares of all members add up to one.</param>
/// <param name="Replicas">Partitions it holds.</param>
/// <param name="Preferred">Partitions whose preference list it heads.</param>
/// <param name="Primaries">Partitions it is believed to lead.</param>
internal sealed record RingShare(TopologyMember Member, double Owns, int Replicas, int Preferred, int Primaries)
{
    /// <summary>The shares of all members, in the topology's order.</summary>
    public static RingShare[] Of(TopologyReply topology)
    {
        var replicas = Count(topology.Replicas);
        var primaries = Count(topology.Leaders);
        var preferred = Count(Enumerable.Range(0, topology.PartitionCount).Select(p => topology.ReplicasOf(p)[0]));
        var all = Math.Max(1, topology.Replicas.Count(node => node != 0));
        return [.. topology.Members.Select(m => new RingShare(
            m, (double)replicas.GetValueOrDefault(m.Node) / all,
            replicas.GetValueOrDefault(m.Node), preferred.GetValueOrDefault(m.Node), primaries.GetValueOrDefault(m.Node)))];
    }

    private static Dictionary<ushort, int> Count(IEnumerable<ushort> nodes) => nodes.CountBy(node => node).ToDictionary();
}

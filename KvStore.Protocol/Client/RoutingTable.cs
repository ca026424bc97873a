using KvStore.Protocol.Messages;

namespace KvStore.Protocol.Client;

/// <summary>One version of the topology as the client routes by it. Immutable but for the beliefs about primaries.</summary>
internal sealed class RoutingTable
{
    private readonly NodeChannel?[] _channelOf;
    private readonly ushort[] _leaders;

    public RoutingTable(TopologyReply topology, ChannelPool channels)
    {
        Topology = topology;
        _leaders = (ushort[])topology.Leaders.Clone();
        _channelOf = new NodeChannel?[topology.Members.Count == 0 ? 1 : topology.Members.Max(member => member.Node) + 1];
        foreach (var member in topology.Members) _channelOf[member.Node] = channels.Get(member.Address);
        All = [.. _channelOf.Where(channel => channel is not null).Select(channel => channel!)];
    }

    public TopologyReply Topology { get; }

    /// <summary>The channels of all members, by node id.</summary>
    public NodeChannel[] All { get; }

    /// <summary>Null when the topology does not name the node.</summary>
    public NodeChannel? ChannelOf(ushort node) => node < _channelOf.Length ? _channelOf[node] : null;

    /// <summary>0 = unknown.</summary>
    public ushort LeaderOf(ushort partition) => Volatile.Read(ref _leaders[partition]);

    /// <summary>What a reply said or did not say of the primary.</summary>
    public void LearnLeader(ushort partition, ushort node)
    {
        if (partition < _leaders.Length && _leaders[partition] != node) Volatile.Write(ref _leaders[partition], node);
    }
}

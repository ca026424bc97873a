using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Protocol.Client;

/// <summary>Where a request wants to go.</summary>
/// <param name="Partition">Null = no particular one: any node.</param>
/// <param name="ToPrimary">The primary does it; else any replica can.</param>
internal readonly record struct Target(ushort? Partition, bool ToPrimary)
{
    public static readonly Target AnyNode = new(null, false);
}

/// <summary>Picks the node for each attempt of a request, and knows the topology from whichever node tells it.</summary>
internal sealed class Router(KvClientOptions options, ChannelPool channels)
{
    private const int RefreshPauseMs = 500;
    private readonly NodeChannel[] _seeds = [.. options.Endpoints.Select(channels.Get)];
    private readonly Lock _gate = new();
    private RoutingTable? _table;
    private Task? _refreshing;
    private long _refreshedMs;
    private uint _spread;

    /// <summary>Null in coordinator-only mode and before there is a cluster.</summary>
    public RoutingTable? Table => Volatile.Read(ref _table);

    /// <summary>The endpoints the client was given.</summary>
    public IReadOnlyList<NodeChannel> Seeds => _seeds;

    /// <summary>Fetches the topology with this; set once, by the client.</summary>
    public Func<Task<TopologyReply>>? Fetch { get; set; }

    /// <summary>Null without a topology.</summary>
    public ushort? PartitionOf(ReadOnlySpan<byte> key) => Table is { } table ? KeyPartition.Of(key, table.Topology.PartitionCount) : null;

    public void Install(TopologyReply topology)
    {
        lock (_gate)
        {
            if (_table is { } old && old.Topology.ClusterId == topology.ClusterId && old.Topology.Version > topology.Version) return;
            Volatile.Write(ref _table, new RoutingTable(topology, channels));
        }
    }

    /// <summary>A reply shows who did the work: learn the primary by it, and that the topology is old when it is no replica at all.</summary>
    public void LearnServer(ushort partition, ushort node, bool isPrimary)
    {
        if (Table is not { } table || partition >= table.Topology.PartitionCount) return;
        if (isPrimary) table.LearnLeader(partition, node);
        if (!table.Topology.ReplicasOf(partition).Contains(node)) Refresh();
    }

    /// <summary>Asks for the topology again, in the background, at most twice a second.</summary>
    public void Refresh()
    {
        if (options.CoordinatorOnly || Fetch is not { } fetch) return;
        lock (_gate)
        {
            if (_refreshing is { IsCompleted: false } || Deadline.NowMs - _refreshedMs < RefreshPauseMs) return;
            _refreshedMs = Deadline.NowMs;
            _refreshing = RefreshAsync(fetch);
        }
    }

    /// <summary>The node for the next attempt; null when every one is in back-off.</summary>
    /// <param name="avoid">The node that the attempt before failed at; taken only when there is no other.</param>
    public NodeChannel? Choose(in Target target, int attempt, NodeChannel? avoid)
    {
        var chosen = Table is not { } table ? ConnectedSeed(avoid) ?? FirstUsable(_seeds, 0, avoid)
            : target.Partition is not { } partition ? FirstUsable(table.All, (int)(Interlocked.Increment(ref _spread) % (uint)table.All.Length), avoid) ?? FirstUsable(_seeds, 0, avoid)
            : target.ToPrimary ? ChoosePrimary(table, partition, avoid)
            : ChooseReplica(table, partition, attempt, avoid);
        return chosen ?? (avoid is { IsUsable: true } ? avoid : null);
    }

    private NodeChannel? ChoosePrimary(RoutingTable table, ushort partition, NodeChannel? avoid)
    {
        if (table.ChannelOf(table.LeaderOf(partition)) is { IsPreferable: true } leader && leader != avoid) return leader;
        foreach (var node in table.Topology.ReplicasOf(partition))
        {
            if (table.ChannelOf(node) is { IsPreferable: true } replica && replica != avoid) return replica;
        }

        return FirstUsable(table.All, 0, avoid) ?? FirstUsable(_seeds, 0, avoid);
    }

    /// <summary>A nearest replica; equally near ones take turns from partition to partition.</summary>
    private NodeChannel? ChooseReplica(RoutingTable table, ushort partition, int attempt, NodeChannel? avoid)
    {
        NodeChannel? best = null;
        var bestClass = int.MaxValue;
        var replicas = table.Topology.ReplicasOf(partition);
        for (var i = 0; i < replicas.Length; i++)
        {
            var node = replicas[(partition + attempt + i) % replicas.Length];
            if (table.ChannelOf(node) is not { IsPreferable: true } replica || replica == avoid) continue;
            var latencyClass = replica.LatencyClass;
            if (latencyClass >= bestClass) continue;
            best = replica;
            bestClass = latencyClass;
        }

        return best ?? FirstUsable(table.All, 0, avoid) ?? FirstUsable(_seeds, 0, avoid);
    }

    // Before a topology is known the endpoint that answered is kept to: an earlier one that did not would cost each request a connect timeout.
    private NodeChannel? ConnectedSeed(NodeChannel? avoid) =>
        Array.Find(_seeds, seed => seed != avoid && seed.HasOpenConnection && seed.IsPreferable);

    private static NodeChannel? FirstUsable(NodeChannel[] from, int start, NodeChannel? avoid)
    {
        NodeChannel? second = null;
        for (var i = 0; i < from.Length; i++)
        {
            var channel = from[(start + i) % from.Length];
            if (channel == avoid) continue;
            if (channel.IsPreferable) return channel;
            if (channel.IsUsable) second ??= channel;
        }

        return second;
    }

    private async Task RefreshAsync(Func<Task<TopologyReply>> fetch)
    {
        try
        {
            Install(await fetch().ConfigureAwait(false));
        }
        catch (KvException)
        {
            // The old one goes on serving; the next failed request asks again.
        }
    }
}

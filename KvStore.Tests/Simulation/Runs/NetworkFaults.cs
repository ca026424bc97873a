using KvStore.Core.Node;
using KvStore.Core.Primitives;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>The faults of the network between the nodes: which of them are on, and what they do to each frame.</summary>
internal sealed class NetworkFaults
{
    private const long NsPerMs = 1_000_000;
    private readonly SimCluster _cluster;
    private readonly int _nodes;
    private readonly List<ActiveFault> _active = [];

    public NetworkFaults(SimCluster cluster, int nodes)
    {
        _cluster = cluster;
        _nodes = nodes;
        cluster.Network.IsLost = IsLost;
        cluster.Network.Delay = Delay;
        cluster.Network.BytesPerSecond = BytesPerSecond;
        cluster.Network.RepeatedAfterNs = RepeatedAfterNs;
    }

    /// <summary>Does nothing if the fault is not one of the network's.</summary>
    public void Begin(ActiveFault active)
    {
        switch (active.Fault.Kind)
        {
            case FaultKind.Isolate or FaultKind.StuckHeart or FaultKind.Split or FaultKind.Cut:
                foreach (var (from, to) in CutBy(active.Fault)) _cluster.Network.Cut(from, to);
                break;
            case FaultKind.Flap:
                Flap(active, cut: true);
                break;
            case FaultKind.OneWay or FaultKind.Loss or FaultKind.Repeat or FaultKind.SlowLink or FaultKind.SlowLane or FaultKind.Narrow:
                break;
            default:
                return;
        }

        _active.Add(active);
    }

    public void End(ActiveFault active)
    {
        if (!_active.Remove(active)) return;
        if (active.Fault.Kind is FaultKind.Isolate or FaultKind.StuckHeart or FaultKind.Split or FaultKind.Cut)
            foreach (var (from, to) in CutBy(active.Fault)) _cluster.Network.Mend(from, to);
    }

    /// <summary>The pairs that do not reach each other.</summary>
    private IEnumerable<(NodeId From, NodeId To)> CutBy(Fault fault)
    {
        for (var a = 1; a <= _nodes; a++)
            for (var b = a + 1; b <= _nodes; b++)
                if (IsBetween(fault, a, b)) yield return (Id(a), Id(b));
    }

    private static bool IsBetween(Fault fault, int a, int b) => fault.Kind switch
    {
        FaultKind.Isolate or FaultKind.StuckHeart => a == fault.Node || b == fault.Node,
        FaultKind.Split => ((fault.Amount >> a) & 1) != ((fault.Amount >> b) & 1),
        _ => (a == fault.Node && b == fault.Other) || (b == fault.Node && a == fault.Other),
    };

    private void Flap(ActiveFault active, bool cut)
    {
        var fault = active.Fault;
        if (cut && active.IsOver) return;
        if (cut) _cluster.Network.Cut(Id(fault.Node), Id(fault.Other));
        else _cluster.Network.Mend(Id(fault.Node), Id(fault.Other));
        _cluster.World.After(fault.Amount * NsPerMs, () => Flap(active, !cut));
    }

    private bool IsLost(NodeId from, NodeId to, PeerFrame type)
    {
        foreach (var active in _active)
            if (active.Fault.Kind == FaultKind.Loss && _cluster.World.Random.Chance(1, active.Fault.Amount)) return true;
        return false;
    }

    /// <summary>Only what the consensus sends: requests, heartbeats and snapshots rely on what TCP promises.</summary>
    private long RepeatedAfterNs(PeerFrame type)
    {
        if (type != PeerFrame.Raft) return 0;
        foreach (var active in _active)
            if (active.Fault.Kind == FaultKind.Repeat && _cluster.World.Random.Chance(1, active.Fault.Amount)) return _cluster.World.Random.Next(1, 400) * NsPerMs;
        return 0;
    }

    private long Delay(NodeId from, NodeId to, PeerLane lane)
    {
        var delayNs = 0L;
        foreach (var active in _active)
        {
            var fault = active.Fault;
            var concerns = fault.Node == from.Value || fault.Node == to.Value;
            delayNs += fault.Kind switch
            {
                FaultKind.SlowLink when concerns => fault.Amount * NsPerMs,
                FaultKind.SlowLane when concerns && fault.Other == (int)lane => fault.Amount * NsPerMs,
                FaultKind.OneWay when fault.Node == from.Value && fault.Other == to.Value => Math.Max(0, active.EndNs - _cluster.World.NowNs),
                _ => 0,
            };
        }

        return delayNs;
    }

    private long BytesPerSecond(NodeId from, NodeId to)
    {
        foreach (var active in _active)
            if (active.Fault.Kind == FaultKind.Narrow && (active.Fault.Node == from.Value || active.Fault.Node == to.Value)) return (long)active.Fault.Amount << 10;
        return 0;
    }

    private static NodeId Id(int node) => new((ushort)node);
}

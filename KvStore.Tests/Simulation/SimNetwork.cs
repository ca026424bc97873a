using KvStore.Core.Node;
using KvStore.Core.Primitives;

namespace KvStore.Tests.Simulation;

/// <summary>
/// The network between simulated nodes: each lane of each pair is an ordered stream, as TCP is, that can be cut one way or both;
/// what is in flight when a stream breaks is lost, and both ends are told.
/// </summary>
internal sealed class SimNetwork(SimWorld world)
{
    private readonly Dictionary<NodeId, KvNode> _nodes = [];
    private readonly Dictionary<(NodeId From, NodeId To), int> _epochs = [];
    private readonly Dictionary<(NodeId From, NodeId To, PeerLane Lane), long> _lastArrival = [];
    private readonly HashSet<(NodeId From, NodeId To)> _cut = [];

    public ulong Delivered { get; private set; }

    public long MinDelayNs { get; set; } = 20_000;

    public long JitterNs { get; set; } = 200_000;

    /// <summary>Frames that vanish on their way.</summary>
    public Func<NodeId, NodeId, PeerFrame, bool> IsLost { get; set; } = (_, _, _) => false;

    /// <summary>Hears every frame that a node hands to an open lane, lost ones too.</summary>
    public FrameListener Sent { get; set; } = static (_, _, _, _) => { };

    public IPeerTransport For(NodeId self) => new Port(this, self);

    /// <summary>A node is reachable from now on; its neighbours' lanes to it come up.</summary>
    public void Attach(NodeId id, KvNode node)
    {
        _nodes[id] = node;
        foreach (var other in _nodes.Keys.Where(o => o != id).Order().ToList()) Connect(id, other);
    }

    public void Detach(NodeId id)
    {
        foreach (var other in _nodes.Keys.Where(o => o != id).Order().ToList()) Break(id, other);
        _nodes.Remove(id);
    }

    public void Cut(NodeId from, NodeId to)
    {
        if (_cut.Add((from, to))) Break(from, to);
    }

    public void Heal()
    {
        var cut = _cut.Order(Comparer<(NodeId From, NodeId To)>.Default).ToList();
        _cut.Clear();
        foreach (var (from, to) in cut) Connect(from, to);
    }

    public bool IsCut(NodeId a, NodeId b) => _cut.Contains((a, b));

    private void Connect(NodeId a, NodeId b)
    {
        if (_cut.Contains((a, b)) || _cut.Contains((b, a))) return;
        foreach (var (self, peer) in ((NodeId, NodeId)[])[(a, b), (b, a)])
        {
            if (!_nodes.TryGetValue(self, out var node) || !_nodes.ContainsKey(peer)) continue;
            foreach (var lane in Enum.GetValues<PeerLane>()) node.OnPeerLane(peer, lane, true);
        }
    }

    private void Break(NodeId a, NodeId b)
    {
        foreach (var (self, peer) in ((NodeId, NodeId)[])[(a, b), (b, a)])
        {
            _epochs[(self, peer)] = _epochs.GetValueOrDefault((self, peer)) + 1;
            if (!_nodes.TryGetValue(self, out var node)) continue;
            foreach (var lane in Enum.GetValues<PeerLane>()) node.OnPeerLane(peer, lane, false);
        }
    }

    private bool Send(NodeId from, NodeId to, PeerLane lane, PeerFrame type, ulong requestId, ReadOnlySpan<byte> body)
    {
        if (!_nodes.ContainsKey(to) || !_nodes.ContainsKey(from) || _cut.Contains((from, to)) || _cut.Contains((to, from))) return false;
        Sent(from, to, type, body);
        if (IsLost(from, to, type)) return true;
        var bytes = body.ToArray();
        var epoch = _epochs.GetValueOrDefault((from, to));
        var arrival = world.NowNs + MinDelayNs + (long)(world.Random.NextUInt64() % (ulong)JitterNs);
        arrival = Math.Max(arrival, _lastArrival.GetValueOrDefault((from, to, lane)) + 1);
        _lastArrival[(from, to, lane)] = arrival;
        world.At(arrival, () =>
        {
            if (_epochs.GetValueOrDefault((from, to)) != epoch || !_nodes.TryGetValue(to, out var node)) return;
            Delivered++;
            node.OnPeerFrame(from, type, requestId, bytes);
        });
        return true;
    }

    private sealed class Port(SimNetwork network, NodeId self) : IPeerTransport
    {
        public bool TrySend(NodeId to, PeerLane lane, PeerFrame type, ulong requestId, ReadOnlySpan<byte> body) =>
            network.Send(self, to, lane, type, requestId, body);
    }
}

/// <summary>A frame leaves a node. The body may be looked at until the call returns.</summary>
internal delegate void FrameListener(NodeId from, NodeId to, PeerFrame type, ReadOnlySpan<byte> body);

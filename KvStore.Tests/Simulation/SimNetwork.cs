using KvStore.Core.Node;
using KvStore.Core.Primitives;

namespace KvStore.Tests.Simulation;

/// <summary>
/// The network between simulated nodes: each lane of each pair is an ordered stream, as TCP is, that can be cut one way or both;
/// what is in flight when a stream breaks is lost, and both ends are told.
/// </summary>
internal sealed class SimNetwork(SimWorld world)
{
    private const long NsPerMs = 1_000_000;

    /// <summary>Frame and TCP headers.</summary>
    private const long FrameOverhead = 80;

    /// <summary>As much as a node queues for one peer.</summary>
    private const long MaxQueuedBytes = 64 << 20;

    private readonly Dictionary<NodeId, KvNode> _nodes = [];
    private readonly Dictionary<(NodeId From, NodeId To), int> _epochs = [];
    private readonly Dictionary<(NodeId From, NodeId To, PeerLane Lane), long> _lastArrival = [];
    private readonly Dictionary<(NodeId From, NodeId To), long> _busyUntil = [];
    private readonly Dictionary<(NodeId From, NodeId To), int> _cut = [];
    private readonly Dictionary<NodeId, NodeScheduler> _schedulers = [];

    public ulong Delivered { get; private set; }

    public long MinDelayNs { get; set; } = 20_000;

    public long JitterNs { get; set; } = 200_000;

    /// <summary>How much later than others a frame arrives, in ns.</summary>
    public Func<NodeId, NodeId, PeerLane, long> Delay { get; set; } = (_, _, _) => 0;

    /// <summary>Bytes that a link carries in a second, one way; 0: as many as you like.</summary>
    public Func<NodeId, NodeId, long> BytesPerSecond { get; set; } = (_, _) => 0;

    /// <summary>How much later, in ns, a frame arrives once more; 0: it does not. TCP repeats nothing, but Raft does not ask for that.</summary>
    public Func<PeerFrame, long> RepeatedAfterNs { get; set; } = _ => 0;

    /// <summary>Sees every frame that a node hands to the network.</summary>
    public Action<NodeId, PeerFrame, byte[]>? Sent { get; set; }

    /// <summary>Frames that vanish on their way.</summary>
    public Func<NodeId, NodeId, PeerFrame, bool> IsLost { get; set; } = (_, _, _) => false;

    public IPeerTransport For(NodeId self) => new Port(this, self);

    /// <summary>A node is reachable from now on; its neighbours' lanes to it come up.</summary>
    public void Attach(NodeId id, KvNode node, NodeScheduler scheduler)
    {
        _nodes[id] = node;
        _schedulers[id] = scheduler;
        foreach (var other in _nodes.Keys.Where(o => o != id).Order().ToList()) Connect(id, other);
    }

    public void Detach(NodeId id)
    {
        foreach (var other in _nodes.Keys.Where(o => o != id).Order().ToList()) Break(id, other);
        _nodes.Remove(id);
    }

    /// <summary>Breaks the streams between two nodes; a cut lasts until it was mended as often as it was made.</summary>
    public void Cut(NodeId from, NodeId to)
    {
        _cut[(from, to)] = _cut.GetValueOrDefault((from, to)) + 1;
        if (_cut[(from, to)] == 1) Break(from, to);
    }

    public void Mend(NodeId from, NodeId to)
    {
        if (!_cut.TryGetValue((from, to), out var cuts)) return;
        if (cuts > 1) _cut[(from, to)] = cuts - 1;
        else if (_cut.Remove((from, to))) Connect(from, to);
    }

    /// <summary>Mends all cuts.</summary>
    public void Heal()
    {
        var cut = _cut.Keys.Order(Comparer<(NodeId From, NodeId To)>.Default).ToList();
        _cut.Clear();
        foreach (var (from, to) in cut) Connect(from, to);
    }

    public bool IsCut(NodeId a, NodeId b) => _cut.ContainsKey((a, b));

    private void Connect(NodeId a, NodeId b)
    {
        if (IsCut(a, b) || IsCut(b, a)) return;
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
        if (!_nodes.ContainsKey(to) || !_nodes.ContainsKey(from) || IsCut(from, to) || IsCut(to, from)) return false;
        if (!TryTransmit(from, to, body.Length, out var transmittedNs)) return false;
        var bytes = body.ToArray();
        Sent?.Invoke(from, type, bytes);
        if (IsLost(from, to, type)) return true;
        var arrival = transmittedNs + MinDelayNs + Delay(from, to, lane) + (long)(world.Random.NextUInt64() % (ulong)JitterNs);
        arrival = Math.Max(arrival, _lastArrival.GetValueOrDefault((from, to, lane)) + 1);
        _lastArrival[(from, to, lane)] = arrival;
        var epoch = _epochs.GetValueOrDefault((from, to));
        Arrive(arrival);
        if (RepeatedAfterNs(type) is > 0 and var laterNs) Arrive(arrival + laterNs);
        return true;

        void Arrive(long atNs) => world.At(atNs, () =>
        {
            if (_epochs.GetValueOrDefault((from, to)) != epoch || !_nodes.TryGetValue(to, out var node)) return;
            Delivered++;
            _schedulers[to].Deliver(() => node.OnPeerFrame(from, type, requestId, bytes));
        });
    }

    /// <summary>When the link has taken the frame; false when so much waits for it that the sender's queue is full.</summary>
    private bool TryTransmit(NodeId from, NodeId to, int bytes, out long transmittedNs)
    {
        transmittedNs = world.NowNs;
        if (BytesPerSecond(from, to) is not (> 0 and var speed)) return true;
        var busyUntil = Math.Max(_busyUntil.GetValueOrDefault((from, to)), world.NowNs);
        if ((busyUntil - world.NowNs) / NsPerMs * speed / 1_000 > MaxQueuedBytes) return false;
        transmittedNs = busyUntil + ((bytes + FrameOverhead) * 1_000 * NsPerMs / speed);
        _busyUntil[(from, to)] = transmittedNs;
        return true;
    }

    private sealed class Port(SimNetwork network, NodeId self) : IPeerTransport
    {
        public bool TrySend(NodeId to, PeerLane lane, PeerFrame type, ulong requestId, ReadOnlySpan<byte> body) =>
            network.Send(self, to, lane, type, requestId, body);
    }
}

using System.Net.Sockets;
using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Ring;
using KvStore.Daemon.Config;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using Microsoft.Extensions.Logging;

namespace KvStore.Daemon.Server;

/// <summary>
/// The connections between this node and the other members: one per lane and peer, dialled by the node with the smaller id, used both ways.
/// A broken one is dialled again with back-off; frames are never resent.
/// </summary>
/// <param name="silenceMs">A peer that sends no heartbeat for this long is not there any more, whatever TCP believes: its connections are closed.</param>
internal sealed class PeerLinks(NodeId self, NodeIdentity identity, ClusterFile cluster, ILogger log, int silenceMs) : IPeerTransport, IDisposable
{
    /// <summary>What may wait for a peer's socket on one lane; beyond, frames are dropped and Raft recovers.</summary>
    private const long MaxPendingBytes = 64L << 20;

    private static readonly TimeSpan WatchEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FirstBackOff = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestBackOff = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromMilliseconds(Limits.HandshakeTimeoutMs);

    private readonly Dictionary<(NodeId Peer, PeerLane Lane), FrameConnection> _links = [];
    private readonly FrameConnection?[] _fast = new FrameConnection?[(Topology.MaxMembers + 1) * 4];
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stop = new();
    private KvNode? _node;
    private Timer? _watch;

    public bool TrySend(NodeId to, PeerLane lane, PeerFrame type, ulong requestId, ReadOnlySpan<byte> body)
    {
        var slot = (to.Value * 4) + (int)lane;
        if (slot >= _fast.Length || Volatile.Read(ref _fast[slot]) is not { } link) return false;
        return link.TrySend((FrameType)type, requestId, body);
    }

    /// <summary>Says whom the frames are for. Called before the first connection.</summary>
    public void Attach(KvNode node) => _node = node;

    /// <summary>Begins to dial the peers with greater ids.</summary>
    public void Start()
    {
        foreach (var member in cluster.Topology.Members)
        {
            if (member.Id.Value <= self.Value) continue;
            foreach (var lane in (PeerLane[])[PeerLane.Control, PeerLane.Log, PeerLane.Bulk]) _ = DialForeverAsync(member, lane);
        }

        _watch = new Timer(_ => CloseDeadLinks(), null, WatchEvery, WatchEvery);
    }

    /// <summary>
    /// The accepting half of the handshake. Returns null after sending the reason when the Hello is not from a member of this cluster.
    /// </summary>
    public PendingPeer? Accept(FrameConnection connection, Hello hello)
    {
        var peer = new NodeId(hello.Node);
        var member = cluster.Topology.Find(peer);
        var refusal = hello.ClusterId != cluster.Topology.ClusterId ? $"this node belongs to cluster {cluster.Topology.ClusterId:x32}, not {hello.ClusterId:x32}"
            : member is null || peer == self ? $"node {peer} is no other member of this cluster"
            : member.Incarnation != hello.Incarnation ? $"node {peer} is known with data directory {member.Incarnation:x16}, this one is {hello.Incarnation:x16}"
            : hello.Lane is ConnectionLane.Client || hello.AuthNonce.Length != PeerProof.NonceBytes ? "not a peer's Hello" : null;
        if (refusal is not null)
        {
            log.LogWarning("refused a peer connection from {Remote}: {Reason}", connection.RemoteName, refusal);
            ServerReplies.SendError(connection, 0, KvError.WrongCluster, refusal);
            return null;
        }

        var nonce = PeerProof.NewNonce();
        using var body = new FrameBuffer();
        new HelloAck
        {
            Node = self.Value,
            ClusterId = cluster.Topology.ClusterId,
            Incarnation = identity.Incarnation,
            BootId = identity.Boot,
            TopologyVersion = cluster.Topology.Version,
            BuildVersion = BuildInfo.Version,
            AuthNonce = nonce,
            AuthProof = PeerProof.OfAcceptor(cluster.Secret.Span, hello.AuthNonce.Span, nonce),
        }.Encode(body);
        connection.TrySend(FrameType.HelloAck, 0, body.Written);
        return new PendingPeer(peer, (PeerLane)hello.Lane, PeerProof.OfDialer(cluster.Secret.Span, hello.AuthNonce.Span, nonce));
    }

    /// <summary>Receives on an authenticated connection until it ends.</summary>
    public async Task RunAsync(FrameConnection connection, NodeId peer, PeerLane lane)
    {
        connection.FrameLimit = Limits.FrameBytes;
        Put(connection, peer, lane);
        try
        {
            await connection.ReceiveAsync((in Frame frame) =>
            {
                using var body = FrameBody.Open(frame);
                _node!.OnPeerFrame(peer, (PeerFrame)frame.Type, frame.RequestId, body.Span);
                return true;
            });
        }
        finally
        {
            Remove(connection, peer, lane);
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        _watch?.Dispose();
        List<FrameConnection> links;
        lock (_gate) links = [.. _links.Values];
        foreach (var link in links) link.Dispose();
        _stop.Dispose();
    }

    private void Put(FrameConnection connection, NodeId peer, PeerLane lane)
    {
        FrameConnection? old;
        lock (_gate)
        {
            _links.Remove((peer, lane), out old);
            _links[(peer, lane)] = connection;
            Volatile.Write(ref _fast[(peer.Value * 4) + (int)lane], connection);
        }

        if (old is not null) _node!.OnPeerLane(peer, lane, false);
        old?.Dispose();
        _node!.OnPeerLane(peer, lane, true);
    }

    /// <summary>
    /// TCP holds on to a connection whose other end vanished for many minutes, and after a network fault it waits about as long again as the
    /// fault lasted before it sends. Heartbeats flow on the control lane all the time, so silence there tells; a new connection works at once.
    /// </summary>
    private void CloseDeadLinks()
    {
        List<FrameConnection> dead = [];
        lock (_gate)
        {
            foreach (var ((peer, lane), link) in _links)
            {
                var silent = _links.TryGetValue((peer, PeerLane.Control), out var control) && control.SilentMs > silenceMs;
                if (silent || (lane != PeerLane.Control && link.StalledMs() > Limits.StalledConnectionMs)) dead.Add(link);
            }
        }

        foreach (var link in dead) link.Dispose();
    }

    private void Remove(FrameConnection connection, NodeId peer, PeerLane lane)
    {
        lock (_gate)
        {
            if (!_links.TryGetValue((peer, lane), out var current) || current != connection) return;
            _links.Remove((peer, lane));
            Volatile.Write(ref _fast[(peer.Value * 4) + (int)lane], null);
        }

        _node!.OnPeerLane(peer, lane, false);
    }

    private async Task DialForeverAsync(ClusterMember member, PeerLane lane)
    {
        var backOff = FirstBackOff;
        string? lastReason = null;
        while (!_stop.IsCancellationRequested)
        {
            var started = Environment.TickCount64;
            try
            {
                await DialAsync(member, lane);
                lastReason = null;
            }
            catch (Exception e)
            {
                // Whatever ended the connection, the link is tried again; an end that is no ordinary one is said once.
                if (e is not (SocketException or IOException or InvalidOperationException or OperationCanceledException) && e.Message != lastReason)
                    log.LogWarning("the connection to {Peer} at {Address} ended: {Reason}", member.Id, member.Address, e.Message);
                lastReason = e.Message;
            }

            // A connection that lasted is dialled again at once; one that did not, a little later each time.
            backOff = Environment.TickCount64 - started > 5_000 ? FirstBackOff : TimeSpan.FromTicks(Math.Min(backOff.Ticks * 2, LongestBackOff.Ticks));
            try
            {
                await Task.Delay(backOff, _stop.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task DialAsync(ClusterMember member, PeerLane lane)
    {
        if (!HostPort.TryParse(member.Address, out var address)) throw new KvPeerException($"'{member.Address}' is no address");
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        FrameConnection connection;
        using (var patience = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token))
        {
            patience.CancelAfter(HandshakeTimeout);
            try
            {
                await socket.ConnectAsync(address.Host, address.Port, patience.Token);
            }
            catch
            {
                socket.Dispose();
                throw;
            }

            connection = new FrameConnection(socket, MaxPendingBytes, isOneOfMany: false);
        }

        using (connection)
        {
            await GreetAsync(connection, member, lane);
            await RunAsync(connection, member.Id, lane);
        }
    }

    /// <summary>A node that is not a member yet becomes one in a moment: nothing to report.</summary>
    private static Exception Refusal(ErrorReply error) =>
        error.Code == KvError.NotInitialized ? new IOException(error.Message) : new KvPeerException(error.Message);

    /// <summary>The dialling half of the handshake.</summary>
    private async Task GreetAsync(FrameConnection connection, ClusterMember member, PeerLane lane)
    {
        var nonce = PeerProof.NewNonce();
        using var body = new FrameBuffer();
        new Hello
        {
            Role = ConnectionRole.Peer,
            Lane = (ConnectionLane)lane,
            Node = self.Value,
            ClusterId = cluster.Topology.ClusterId,
            Incarnation = identity.Incarnation,
            BootId = identity.Boot,
            Name = BuildInfo.Version,
            AuthNonce = nonce,
        }.Encode(body);
        connection.TrySend(FrameType.Hello, 0, body.Written);
        HelloAck? ack = null;
        using var watch = new Timer(_ => connection.Dispose(), null, HandshakeTimeout, Timeout.InfiniteTimeSpan);
        await connection.ReceiveAsync((in Frame frame) =>
        {
            using var answer = FrameBody.Open(frame, Limits.HandshakeFrameBytes);
            if (frame.Type == FrameType.Error) throw Refusal(ErrorReply.Decode(answer.Span));
            if (frame.Type == FrameType.HelloAck) ack = HelloAck.Decode(answer.Span);
            return false;
        });
        if (ack is null) throw new IOException("the connection ended during the handshake");
        if (ack.Node != member.Id.Value || ack.ClusterId != cluster.Topology.ClusterId || ack.Incarnation != member.Incarnation)
            throw new KvPeerException($"the node at {member.Address} is {ack.Node} with data directory {ack.Incarnation:x16} of cluster {ack.ClusterId:x32}, not {member.Id}");
        if (!PeerProof.Matches(PeerProof.OfAcceptor(cluster.Secret.Span, nonce, ack.AuthNonce.Span), ack.AuthProof.Span))
            throw new KvPeerException("it does not know the cluster's secret");
        connection.TrySend((FrameType)PeerFrame.Proof, 0, PeerProof.OfDialer(cluster.Secret.Span, nonce, ack.AuthNonce.Span));
    }
}

/// <summary>A peer whose Hello was answered and whose proof is due.</summary>
internal sealed record PendingPeer(NodeId Node, PeerLane Lane, byte[] ExpectedProof);

/// <summary>A peer refused this node, or is not the one it should be.</summary>
internal sealed class KvPeerException(string message) : Exception(message);

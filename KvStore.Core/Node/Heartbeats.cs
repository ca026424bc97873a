using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using KvStore.Core.Ring;

namespace KvStore.Core.Node;

/// <summary>
/// The liveness of nodes and of leaders: one heartbeat between each pair of nodes stands for the heartbeats of all their partitions,
/// so an idle partition costs nothing. Runs on a lane of its own; shards hear of changes only.
/// </summary>
/// <remarks>
/// A partition is "led" at a replica while a list from the leader's current boot, at most the timeout old, claims it in the replica's own term.
/// A claim is made only while the partition's shard turns and the WAL syncs: a hung disk must lose its leaders.
/// </remarks>
internal sealed class Heartbeats : IDisposable
{
    private const int TransfersPerSecond = 16;
    private const long CampaignStepNs = 50_000_000;
    private const long WarnAgainNs = 60_000_000_000;
    private const long HealthyBeforeReturnNs = 10_000_000_000;

    private readonly NodeContext _context;
    private readonly ILane _lane;
    private readonly ulong _boot;
    private readonly Topology _topology;
    private readonly IReadOnlyList<Shard> _shards;
    private readonly PartitionStatus?[] _statuses;
    private readonly Func<long> _oldestSyncNs;
    private readonly Prng _random;
    private readonly OwnClaims _own;
    private readonly Dictionary<NodeId, PeerState> _peers = [];
    private readonly NodeId[] _ledBy;
    private readonly Term[] _ledTerm;
    private readonly long[] _quorumSeenNs;
    private readonly long[] _claimedNs;
    private readonly ByteBuffer _buffer = new();
    private readonly Heartbeat _outgoing = new();
    private readonly List<HaltedReplica> _halted = [];
    private readonly List<ReplicaId> _fresh = [];
    private readonly WorkItem _beat;
    private long _lastBeatNs;
    private long _nextSendNs;
    private long _nextTransferNs;
    private bool _started;
    private long _startedNs;
    private readonly Lock _stopGate = new();
    private volatile bool _stopped;

    public Heartbeats(
        NodeContext context, ulong boot, Topology topology, IReadOnlyList<Shard> shards, PartitionStatus?[] statuses, Func<long> oldestSyncNs,
        Prng random)
    {
        _context = context;
        _boot = boot;
        _topology = topology;
        _shards = shards;
        _statuses = statuses;
        _oldestSyncNs = oldestSyncNs;
        _random = random;
        var count = topology.PartitionCount;
        _own = new OwnClaims(count);
        _ledBy = new NodeId[count];
        _ledTerm = new Term[count];
        _quorumSeenNs = new long[count];
        _claimedNs = new long[count];
        foreach (var member in topology.Members)
            if (member.Id != context.Self) _peers.Add(member.Id, new PeerState(member.Id, count));
        _lane = context.Scheduler.CreateLane("heartbeat");
        _beat = new WorkItem(Beat);
    }

    private long TimeoutNs => _context.Options.TimeoutMs * 1_000_000L;

    private long IntervalNs => _context.Options.HeartbeatMs * 1_000_000L;

    /// <summary>Called on the lane at every beat, for what is timed no finer than that.</summary>
    public Action? Ticked { get; set; }

    public IEnumerable<PeerState> Peers => _peers.Values;

    /// <summary>A node that has just started has heard from nobody, which says nothing of the others yet. Any thread.</summary>
    public bool KnowsWhoIsDown => Volatile.Read(ref _startedNs) is > 0 and var started && _context.Clock.BootTimeNs - started > 2 * TimeoutNs;

    public void Start()
    {
        _lastBeatNs = _context.Clock.BootTimeNs;
        Volatile.Write(ref _startedNs, _lastBeatNs);
        _lane.Post(_beat);
    }

    /// <summary>Any byte from a peer. Any thread.</summary>
    public void Heard(NodeId from)
    {
        if (_peers.TryGetValue(from, out var peer)) peer.Heard(_context.Clock.BootTimeNs);
    }

    /// <summary>A heartbeat arrived. Any thread.</summary>
    public void Receive(NodeId from, ReadOnlySpan<byte> body)
    {
        if (Heartbeat.TryDecode(body) is { } heartbeat) PostToLane(new WorkItem(() => OnHeartbeat(from, heartbeat)));
    }

    /// <summary>A replica here became the primary or stopped being it: peers are told at once. Any thread.</summary>
    public void Hurry() => PostToLane(new WorkItem(() =>
    {
        _nextSendNs = 0;
        SendIfDue(_context.Clock.BootTimeNs);
    }));

    /// <summary>Whether a node counts as alive. Any thread; this node always is.</summary>
    public bool IsAlive(NodeId node) => node == _context.Self || (_peers.TryGetValue(node, out var peer) && peer.Alive);

    /// <summary>The primary of a partition as last claimed by a live node, also of partitions this node does not hold. Any thread.</summary>
    public NodeId LeaderHint(PartitionId partition)
    {
        var status = _statuses[partition.Value]?.Read();
        if (status is { Leader.IsNone: false } known && IsAlive(known.Leader)) return known.Leader;
        var claimed = _ledBy[partition.Value];
        return IsAlive(claimed) ? claimed : default;
    }

    public void Dispose()
    {
        lock (_stopGate) _stopped = true;
        _lane.Dispose();
    }

    /// <summary>Late news of a node that is stopping are dropped.</summary>
    private void PostToLane(WorkItem item)
    {
        lock (_stopGate)
            if (!_stopped) _lane.Post(item);
    }

    private void Beat()
    {
        if (_stopped) return;
        var now = _context.Clock.BootTimeNs;
        SubtractOwnPause(now);
        foreach (var peer in _peers.Values) CheckLife(peer, now);
        SendIfDue(now);
        var wake = _nextSendNs;
        foreach (var peer in _peers.Values)
            if (peer.Alive) wake = Math.Min(wake, peer.LastHeardNs + TimeoutNs);
        _context.Scheduler.PostAfter(Math.Max(1_000_000, wake - now), new WorkItem(() => PostToLane(_beat)));
    }

    /// <summary>While this process was stopped it heard nobody; that says nothing about them.</summary>
    private void SubtractOwnPause(long now)
    {
        var pause = now - _lastBeatNs - IntervalNs;
        _lastBeatNs = now;
        if (pause < TimeoutNs / 4) return;
        foreach (var peer in _peers.Values)
            if (peer.LastHeardNs != 0) peer.Heard(Math.Min(now, peer.LastHeardNs + pause));
        for (var i = 0; i < _quorumSeenNs.Length; i++) _quorumSeenNs[i] = Math.Min(now, _quorumSeenNs[i] + pause);
    }

    private void CheckLife(PeerState peer, long now)
    {
        var alive = peer.LastHeardNs != 0 && now - peer.LastHeardNs < TimeoutNs;
        if (alive && peer.Alive && now - peer.ListNs > TimeoutNs) LoseLeadersOf(peer.Id);
        if (alive == peer.Alive) return;
        peer.Alive = alive;
        _context.Log.Info(alive ? $"{peer.Id} is up" : $"{peer.Id} is down: nothing heard for {_context.Options.TimeoutMs} ms");
        if (alive)
        {
            peer.AliveSinceNs = now;
            peer.ListNs = now;
            if (!_started) CampaignWhereNobodyLeads();
            return;
        }

        peer.Forget();
        LoseLeadersOf(peer.Id);
    }

    /// <summary>At the start of a cluster nobody leads anything: once a majority of the members is heard, the preferred replicas stand at once.</summary>
    private void CampaignWhereNobodyLeads()
    {
        if (1 + _peers.Values.Count(p => p.Alive) <= _topology.Members.Length / 2) return;
        _started = true;
        for (var i = 0; i < _ledBy.Length; i++)
            if (_ledBy[i].IsNone) LoseLeader(i);
    }

    private void LoseLeader(int partition)
    {
        _ledBy[partition] = default;
        if (_statuses[partition] is not { } status) return;
        var position = 0;
        foreach (var replica in _topology.ReplicasOf(status.Id))
        {
            if (replica.Node == _context.Self) break;
            if (IsAlive(replica.Node)) position++;
        }

        var delay = (position * CampaignStepNs) + (_random.Next(10) * 1_000_000L);
        ShardOf(status.Id).Post(new ShardEvent(ShardEventKind.LeaderLost, Partition: status.Id, Number: (ulong)delay));
    }

    private void SendIfDue(long now)
    {
        if (now < _nextSendNs) return;
        _nextSendNs = now + IntervalNs;
        RefreshOwnClaims(now);
        foreach (var peer in _peers.Values) Send(peer, now);
        CheckQuorums(now);
        ReturnLeadership(now);
        foreach (var shard in _shards) shard.Post(new ShardEvent(ShardEventKind.Tick));
        Ticked?.Invoke();
    }

    private void RefreshOwnClaims(long now)
    {
        var syncing = _oldestSyncNs();
        var diskHangs = syncing != 0 && now - syncing > TimeoutNs;
        _halted.Clear();
        foreach (var status in _statuses)
        {
            if (status is null) continue;
            var seen = status.Read();
            if (status.Halt is not null || status.CannotBeCopied) _halted.Add(new HaltedReplica(status.Id, seen.Applied));
            var claims = seen.Role == RaftRole.Leader && !diskHangs && now - ShardOf(status.Id).LastTurnNs < TimeoutNs / 2 + IntervalNs;
            if (claims && _own[status.Id.Value].Term != seen.Term) _quorumSeenNs[status.Id.Value] = _claimedNs[status.Id.Value] = now;
            _own.Set(status.Id.Value, claims ? new LeaderClaim(status.Id, seen.Term, seen.LastIndex, seen.Commit) : default);
            if (seen.Role == RaftRole.Leader) _ledBy[status.Id.Value] = default;
        }

        _own.Seal();
    }

    private void Send(PeerState peer, long now)
    {
        var heartbeat = _outgoing;
        heartbeat.SenderBoot = _boot;
        heartbeat.ReceiverBoot = peer.Boot;
        heartbeat.HlcTicks = _context.Hlc.Now().Ticks;
        heartbeat.SentNs = now;
        heartbeat.EchoNs = peer.NewestSentNs;
        heartbeat.Sequence = _own.Sequence;
        heartbeat.BaseSequence = peer.ConfirmedByPeer;
        heartbeat.Digest = _own.Digest;
        heartbeat.ConfirmedSequence = peer.Claims.Confirmed;
        heartbeat.Leaving = _context.Leaving;
        heartbeat.Changes.Clear();
        heartbeat.Exceptions.Clear();
        heartbeat.Halted.Clear();
        heartbeat.Halted.AddRange(_halted);
        _own.CopyChangesSince(peer.ConfirmedByPeer, heartbeat.Changes);
        AddExceptions(peer, heartbeat.Exceptions);
        _buffer.Clear();
        heartbeat.Encode(_buffer);
        _context.Transport.TrySend(peer.Id, PeerLane.Control, PeerFrame.Heartbeat, 0, _buffer.Written);
    }

    private void AddExceptions(PeerState peer, List<ClaimException> exceptions)
    {
        for (var i = 0; i < peer.Claims.Count; i++)
        {
            var claim = peer.Claims[i];
            if (claim.IsWithdrawn || _statuses[i] is not { } status) continue;
            var term = status.Read().Term;
            if (term != claim.Term) exceptions.Add(new ClaimException(status.Id, term));
        }
    }

    private void OnHeartbeat(NodeId from, Heartbeat heartbeat)
    {
        if (!_peers.TryGetValue(from, out var peer)) return;
        var now = _context.Clock.BootTimeNs;
        if (heartbeat.SenderBoot != peer.Boot)
        {
            peer.Boot = heartbeat.SenderBoot;
            peer.Forget();
            LoseLeadersOf(from);
        }

        peer.SkewMs = (long)(heartbeat.HlcTicks >> 16) - _context.Clock.WallMs;
        if (_context.Hlc.Observe(new HybridTimestamp(heartbeat.HlcTicks, from), _context.Options.MaxClockSkewMs)) peer.SkewWarnedNs = null;
        else WarnOfSkew(peer, now);
        CheckLife(peer, now);
        peer.Leaving = heartbeat.Leaving;
        var knowsMe = heartbeat.ReceiverBoot == _boot;
        peer.ConfirmedByPeer = knowsMe ? heartbeat.ConfirmedSequence : 0;
        if (knowsMe && heartbeat.EchoNs != 0) TakeEcho(peer, heartbeat);
        TellOfHalts(from, heartbeat);

        // An echo says "and I follow you in all that you claimed then, but for the exceptions": nothing of a list that is not known whole.
        var knowsList = peer.Claims.Apply(heartbeat);
        peer.NewestSentNs = knowsList ? heartbeat.SentNs : 0;
        if (!knowsList) return;
        peer.ListNs = now;
        TakeClaims(peer, knowsMe ? heartbeat.EchoNs : 0);
    }

    private void TakeEcho(PeerState peer, Heartbeat heartbeat)
    {
        peer.EchoedNs = Math.Max(peer.EchoedNs, heartbeat.EchoNs);
        peer.Exceptions.Clear();
        foreach (var exception in heartbeat.Exceptions)
        {
            peer.Exceptions.Add(exception.Partition);
            if (exception.Partition.Value >= _statuses.Length || _statuses[exception.Partition.Value] is not { } status) continue;
            if (exception.Term > status.Read().Term)
                ShardOf(status.Id).Post(new ShardEvent(ShardEventKind.HigherTerm, Partition: status.Id, Node: peer.Id, Number: exception.Term.Value));
        }
    }

    /// <summary>The primary of a replica that halted, or cannot be copied, is the one to rebuild it.</summary>
    private void TellOfHalts(NodeId from, Heartbeat heartbeat)
    {
        foreach (var (id, applied) in heartbeat.Halted)
        {
            if (id.Value >= _statuses.Length || _own[id.Value].IsWithdrawn) continue;
            ShardOf(id).Post(new ShardEvent(ShardEventKind.ReplicaHalted, Partition: id, Node: from, Number: applied.Value));
        }
    }

    private void TakeClaims(PeerState peer, long echoNs)
    {
        for (var i = 0; i < peer.Claims.Count; i++)
        {
            var claim = peer.Claims[i];
            if (claim.IsWithdrawn)
            {
                if (_ledBy[i] == peer.Id) LoseLeader(i);
                continue;
            }

            if (_ledBy[i] != peer.Id || _ledTerm[i] != claim.Term) TakeClaim(i, peer.Id, claim.Term);
            if (echoNs == 0 || _statuses[i] is not { } status) continue;
            var seen = status.Read();
            status.Staleness.Attest(claim.Term, claim.LastIndex, echoNs, seen.DurableTerm, seen.Applied);
        }
    }

    private void TakeClaim(int partition, NodeId leader, Term term)
    {
        if (!_ledBy[partition].IsNone && term < _ledTerm[partition]) return;
        _ledBy[partition] = leader;
        _ledTerm[partition] = term;
        if (_statuses[partition] is { } status)
            ShardOf(status.Id).Post(new ShardEvent(ShardEventKind.LeaderClaimed, Partition: status.Id, Node: leader, Number: term.Value));
        _context.LeaderChanged?.Invoke(new PartitionId((ushort)partition));
    }

    private void LoseLeadersOf(NodeId node)
    {
        for (var i = 0; i < _ledBy.Length; i++)
            if (_ledBy[i] == node) LoseLeader(i);
    }

    /// <summary>When it begins, and then once a minute: a clock that has been ahead stays ahead until the others have caught up.</summary>
    private void WarnOfSkew(PeerState peer, long now)
    {
        if (now - peer.SkewWarnedNs < WarnAgainNs) return;
        peer.SkewWarnedNs = now;
        _context.Log.Warn($"{peer.Id}'s clock is {peer.SkewMs} ms ahead of this node's, more than max_clock_skew: its time is not taken over");
    }

    /// <summary>
    /// A leader counts a voter only with a fresh echo that does not name the partition, of a heartbeat that claimed it; below a majority for the
    /// timeout it steps down.
    /// </summary>
    private void CheckQuorums(long now)
    {
        for (var i = 0; i < _statuses.Length; i++)
        {
            if (_own[i].IsWithdrawn || _statuses[i] is not { } status) continue;
            _fresh.Clear();
            var newest = 0L;
            foreach (var replica in _topology.ReplicasOf(status.Id))
            {
                if (!_peers.TryGetValue(replica.Node, out var peer) || peer.Exceptions.Contains(status.Id)) continue;
                if (peer.EchoedNs == 0 || now - peer.EchoedNs >= TimeoutNs || peer.EchoedNs < _claimedNs[i]) continue;
                _fresh.Add(replica.Id);
                newest = Math.Max(newest, peer.EchoedNs);
            }

            if (_fresh.Count > 0)
            {
                _quorumSeenNs[i] = Math.Max(_quorumSeenNs[i], newest);
                if (status.Read() is { HoldsAllAcknowledged: true } seen && seen.Term == _own[i].Term) status.Staleness.Confirm(newest);
            }
            else if (now - _quorumSeenNs[i] > TimeoutNs)
            {
                ShardOf(status.Id).Post(new ShardEvent(ShardEventKind.QuorumSuspect, _fresh.ToArray(), status.Id));
            }
        }
    }

    /// <summary>Leadership goes back to the preferred replica once it has been up for ten seconds, a few partitions at a time.</summary>
    private void ReturnLeadership(long now)
    {
        if (now < _nextTransferNs) return;
        _nextTransferNs = now + 1_000_000_000;
        var left = TransfersPerSecond;
        for (var i = 0; i < _statuses.Length && left > 0; i++)
        {
            if (_own[i].IsWithdrawn || _statuses[i] is not { } status) continue;
            var preferred = _topology.ReplicasOf(status.Id)[0].Node;
            if (!_peers.TryGetValue(preferred, out var peer) || !peer.Alive || now - peer.AliveSinceNs < HealthyBeforeReturnNs) continue;
            if (peer.Leaving || peer.Exceptions.Contains(status.Id)) continue;
            left--;
            ShardOf(status.Id).Post(new ShardEvent(ShardEventKind.Transfer, Partition: status.Id, Node: preferred));
        }
    }

    private Shard ShardOf(PartitionId partition) => _shards[partition.Value % _shards.Count];
}

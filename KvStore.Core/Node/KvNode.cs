using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using KvStore.Core.Ring;
using KvStore.Core.Storage;
using KvStore.Core.Storage.Wal;

namespace KvStore.Core.Node;

/// <summary>Everything a node is given from outside: so that a whole node, and many of them, can run in a simulation.</summary>
public sealed record NodeSeams(
    IFileSystem FileSystem, IClock Clock, IScheduler Scheduler, IPeerTransport Transport, INodeLog Log, INodeObserver Observer, Prng Random,
    Action<Exception> Fatal);

/// <summary>The WAL is damaged before its tail: entries that were durable cannot be read, so this node must not vote on what is left.</summary>
public sealed class WalDamagedException(WalDamage damage) : Exception(damage.ToString())
{
    public WalDamage Damage { get; } = damage;
}

/// <summary>A node that was a member is without its log or its store: what it voted for and acknowledged is not known.</summary>
public sealed class DataMissingException(StorageProblem problem) : Exception(problem.What);

/// <summary>
/// One whole node of a cluster: storage engine, WAL, the partitions it holds, heartbeats, catch-up and the coordinator that takes requests.
/// It opens on a data directory and a topology, and talks to the world through its seams alone.
/// </summary>
public sealed class KvNode : IDisposable
{
    /// <summary>
    /// Followers learn what is committed this much later, at most twice as much, when a partition is quiet. On a busy node a partition is mostly
    /// written again before that, and then it costs no message, no wake-up and no answer.
    /// </summary>
    private const int CommitNoticeMs = 20;

    /// <summary>Free space below which writes are refused. The log goes on without writes of clients, so there must be room for some of its files.</summary>
    private const long LeastReservedBytes = 256L << 20;
    private const long ReservedSegments = 4;

    private const int MaxColdReads = 1024;

    /// <summary>As many as a shard's queue holds requests: a get of many keys is not refused for its own sake.</summary>
    private const int MaxClientReads = 16_384;

    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(5);

    private readonly NodeSeams _seams;
    private readonly NodeContext _context;
    private readonly PartitionStatus?[] _statuses;
    private readonly Shard[] _shards;
    private readonly Heartbeats _heartbeats;
    private readonly CatchUp _catchUp;
    private readonly StorageEngine _storage;
    private readonly WriteAheadLog _wal;
    private readonly Listener _listener;
    private volatile bool _isOpen;

    private KvNode(NodeSeams seams, NodeOptions options, NodeIdentity identity, NodeId self, Topology topology, string directory)
    {
        _seams = seams;
        Topology = topology;
        Identity = identity;
        _listener = new Listener(this);
        var hlc = new HybridClock(seams.Clock, self);
        var shards = options.Shards > 0 ? options.Shards : Environment.ProcessorCount;
        _context = new NodeContext
        {
            Self = self,
            Clock = seams.Clock,
            Hlc = hlc,
            Scheduler = seams.Scheduler,
            ColdReads = new ColdReads(seams.Scheduler, "cold-reads", lanes: 2, MaxColdReads),
            ClientReads = new ColdReads(seams.Scheduler, "client-reads", Math.Max(2, shards), MaxClientReads),
            LogReads = new ColdReads(seams.Scheduler, "log-reads", lanes: 1, MaxColdReads),
            Transport = seams.Transport,
            Counters = Counters,
            Options = options,
            Log = seams.Log,
            Observer = seams.Observer,
            Storage = () => _storage!,
        };
        _statuses = new PartitionStatus?[topology.PartitionCount];
        _shards = new Shard[shards];
        for (var i = 0; i < _shards.Length; i++) _shards[i] = new Shard(i, _context);

        _storage = StorageEngine.Open(
            seams.FileSystem, Path.Combine(directory, DataDirectoryInspection.StoreName),
            options.Storage with
            {
                MemTableBytes = options.MemTableBytes,
                BlockCacheBytes = options.BlockCacheBytes,
                ReservedSpaceBytes = Math.Max(LeastReservedBytes, ReservedSegments * options.WalSegmentBytes),
            },
            seams.Scheduler, seams.Clock, _listener);
        var recoveries = OpenStores();
        var replay = new Replay(recoveries);
        var recovery = WriteAheadLog.Open(
            seams.FileSystem, Path.Combine(directory, DataDirectoryInspection.LogName),
            new WalOptions { SegmentBytes = options.WalSegmentBytes, RetentionBytes = options.WalRetentionBytes },
            new WalIdentity(topology.ClusterId, self, identity.Incarnation), seams.Clock, seams.Scheduler, _listener, replay);
        _wal = recovery.Log ?? throw new WalDamagedException(recovery.Report.Damage!);
        WalReport = recovery.Report;
        _catchUp = new CatchUp(_context, identity.Boot << 32, FindPartition, _wal.SetWanted);
        foreach (var (id, partition) in recoveries) StartPartition(id, partition);
        foreach (var shard in _shards) shard.Attach(_wal);
        _heartbeats = new Heartbeats(
            _context, identity.Boot, topology, _shards, _statuses, () => _wal.OldestPendingSinceNs, seams.Random.Fork());
        Coordinator = new Coordinator(_context, identity.Boot, topology, _shards, _statuses, _stores, _heartbeats);
        _context.LeaderChanged = OnLeaderChanged;
        _heartbeats.Ticked = () =>
        {
            Coordinator.Tick();
            _catchUp.Tick();
        };

        // From now on the log lets go of segments, and asks the shards for what keeps it from that.
        _isOpen = true;
        foreach (var (id, store) in _stores) _wal.SetApplied(id, store.Durable.Index);
    }

    private readonly Dictionary<PartitionId, PartitionStore> _stores = [];

    public NodeCounters Counters { get; } = new();

    public Topology Topology { get; }

    public NodeIdentity Identity { get; }

    public NodeId Self => _context.Self;

    public Coordinator Coordinator { get; }

    /// <summary>What recovery found in the WAL.</summary>
    public WalRecoveryReport WalReport { get; }

    public StorageEngine Storage => _storage;

    public WriteAheadLog Wal => _wal;

    /// <summary>Opens the data directory and rebuilds every replica that the topology gives to this node. Nothing is sent before <see cref="Start"/>.</summary>
    /// <exception cref="DiskException">The directory cannot be read or written.</exception>
    /// <exception cref="CorruptionException">The store is damaged where it may not be.</exception>
    /// <exception cref="DataMissingException">The store or the log is gone, although the node had one.</exception>
    public static KvNode Open(NodeSeams seams, NodeOptions options, NodeIdentity identity, NodeId self, Topology topology, string directory)
    {
        if (DataDirectoryInspection.Missing(seams.FileSystem, directory, identity) is { } missing)
            throw new DataMissingException(missing);
        StartReserve.Release(seams.FileSystem, directory);
        var node = new KvNode(seams, options, identity, self, topology, directory);
        StartReserve.Renew(seams.FileSystem, directory);
        return node;
    }

    /// <summary>Begins to speak and listen: call it when the transport is up.</summary>
    public void Start() => _heartbeats.Start();

    /// <summary>A frame from a peer, on any thread. The body is copied before the call returns.</summary>
    public void OnPeerFrame(NodeId from, PeerFrame type, ulong requestId, ReadOnlySpan<byte> body)
    {
        _heartbeats.Heard(from);
        switch (type)
        {
            case PeerFrame.Heartbeat:
                _heartbeats.Receive(from, body);
                break;
            case PeerFrame.Raft:
                PostRaft(from, body);
                break;
            case PeerFrame.SnapshotBegin or PeerFrame.SnapshotChunk or PeerFrame.SnapshotAck:
                _catchUp.Receive(from, type, requestId, body);
                break;
            case PeerFrame.Forward:
                Coordinator.OnForwarded(from, requestId, body);
                break;
            case PeerFrame.ForwardReply:
                Coordinator.OnForwardReply(from, requestId, body);
                break;
        }
    }

    /// <summary>Bytes arrived from a peer. Any thread.</summary>
    public void OnPeerActivity(NodeId from) => _heartbeats.Heard(from);

    /// <summary>A lane to a peer came up, or went down with whatever was in flight on it. Any thread.</summary>
    public void OnPeerLane(NodeId peer, PeerLane lane, bool up)
    {
        if (lane == PeerLane.Bulk && !up) _catchUp.OnPeerLost(peer);
        if (lane != PeerLane.Log) return;
        if (!up) Coordinator.OnPeerLost(peer);
        var kind = up ? ShardEventKind.PeerConnected : ShardEventKind.PeerLost;
        foreach (var shard in _shards) shard.Post(new ShardEvent(kind, Node: peer));
    }

    public bool IsAlive(NodeId node) => _heartbeats.IsAlive(node);

    public NodeId LeaderOf(PartitionId partition) => _heartbeats.LeaderHint(partition);

    /// <summary>What other threads may know of a partition; null when this node does not hold it.</summary>
    public PartitionStatus? StatusOf(PartitionId partition) => _statuses[partition.Value];

    /// <summary>The replicas themselves. They belong to their shards: to be looked at only where nothing else runs, in a simulation.</summary>
    internal IEnumerable<Partition> Replicas => _shards.SelectMany(shard => shard.Partitions);

    public PartitionStore? StoreOf(PartitionId partition) => _stores.GetValueOrDefault(partition);

    /// <summary>How many partitions this node is primary of now.</summary>
    public int PrimaryCount => _statuses.Count(s => s is not null && s.Read().Role == RaftRole.Leader);

    /// <summary>How many replicas here have halted at damage and wait to be rebuilt.</summary>
    public int HaltedCount => _statuses.Count(s => s?.Halt is not null);

    /// <summary>When the oldest acknowledged fast write that no majority holds was acknowledged (ns since boot); 0 = none.</summary>
    public long OldestAtRiskNs
    {
        get
        {
            var oldest = 0L;
            foreach (var shard in _shards)
                if (shard.OldestAtRiskNs is var at && at != 0 && (oldest == 0 || at < oldest)) oldest = at;
            return oldest;
        }
    }

    /// <summary>Median offset of this node's clock to its live peers' in ms; positive = ahead.</summary>
    public int SkewMs
    {
        get
        {
            var skews = _heartbeats.Peers.Where(p => p.Alive).Select(p => -p.SkewMs).Order().ToList();
            return skews.Count == 0 ? 0 : (int)Math.Clamp(skews[skews.Count / 2], int.MinValue, int.MaxValue);
        }
    }

    /// <summary>How far each peer is behind the partitions that this node leads, as last published by the shards.</summary>
    public IEnumerable<(NodeId Peer, ReplicationLag Lag)> ReplicationLag()
    {
        foreach (var peer in _heartbeats.Peers)
        {
            var total = default(ReplicationLag);
            foreach (var shard in _shards) total = total.With(shard.LagOf(peer.Id));
            yield return (peer.Id, total);
        }
    }

    /// <summary>
    /// Asks a live replica that is caught up to take over what this node leads, tells the others that nothing is to be given back to it,
    /// and says whether anything is still led here that another could take.
    /// </summary>
    public bool HandOver()
    {
        _context.Leaving = true;
        var led = false;
        foreach (var status in _statuses)
        {
            if (status is null || status.Read().Role != RaftRole.Leader) continue;
            foreach (var replica in Topology.ReplicasOf(status.Id))
            {
                if (replica.Node == Self || !IsAlive(replica.Node)) continue;
                led = true;
                ShardOf(status.Id).Post(new ShardEvent(ShardEventKind.Transfer, Partition: status.Id, Node: replica.Node));
            }
        }

        return led;
    }

    /// <summary>Whether every event loop turned and the WAL made progress lately.</summary>
    public bool IsLive(long withinNs)
    {
        var now = _seams.Clock.BootTimeNs;
        var syncing = _wal.OldestPendingSinceNs;
        return _shards.All(s => now - s.LastTurnNs < withinNs) && (syncing == 0 || now - syncing < withinNs);
    }

    /// <summary>Stops the shards, then what they use. What is applied goes to tables, so that the next start has little to replay.</summary>
    public void Dispose()
    {
        _heartbeats.Dispose();
        Coordinator.Stop();
        using (var stopped = new CountdownEvent(_shards.Length))
        {
            foreach (var shard in _shards) shard.Post(new ShardEvent(ShardEventKind.Stop, (Action)(() => stopped.Signal())));
            if (!stopped.Wait(StopPatience)) throw new TimeoutException("an event loop did not stop");
        }

        _catchUp.Dispose();
        _context.ColdReads.Dispose();
        _context.ClientReads.Dispose();
        _context.LogReads.Dispose();
        FlushAll();
        _wal.Stop();
        _wal.Dispose();
        _storage.Dispose();
        foreach (var shard in _shards)
            foreach (var partition in shard.Partitions) partition.Dispose();
    }

    private void FlushAll()
    {
        try
        {
            _storage.FlushAll();
        }
        catch (DiskException full) when (full.IsDiskFull || full.IsShortage)
        {
            _seams.Log.Warn($"what is in memory cannot be written to tables, and is replayed from the log at the next start: {full.Message}");
        }
    }

    /// <summary>Frees what the end of a process frees and does nothing else: for simulations, where a node is killed and the process goes on.</summary>
    internal void Abandon()
    {
        _storage.Dispose();
        foreach (var replica in Replicas) replica.Dispose();
    }

    private Shard ShardOf(PartitionId partition) => _shards[partition.Value % _shards.Length];

    private Dictionary<PartitionId, PartitionRecovery> OpenStores()
    {
        var recoveries = new Dictionary<PartitionId, PartitionRecovery>();
        var writer = new ByteBuffer();
        for (var i = 0; i < Topology.PartitionCount; i++)
        {
            var id = new PartitionId((ushort)i);
            if (Topology.ReplicaOn(id, Self) is null) continue;
            var store = _storage.Find(id);
            if (store is null)
            {
                writer.Clear();
                InitialConfiguration(id).Encode(writer);
                store = _storage.CreatePartition(id, writer.Written);
            }

            _stores.Add(id, store);
            recoveries.Add(id, new PartitionRecovery(store));
        }

        return recoveries;
    }

    private RaftConfiguration InitialConfiguration(PartitionId id)
    {
        var members = new List<Member>();
        foreach (var replica in Topology.ReplicasOf(id)) members.Add(new Member(replica.Node, Topology.Find(replica.Node)!.Incarnation, replica.Id));
        return RaftConfiguration.Of([.. members]);
    }

    private void StartPartition(PartitionId id, PartitionRecovery recovery)
    {
        var replica = Topology.ReplicaOn(id, Self)!.Value.Id;
        var options = new RaftOptions
        {
            ElectionTimeoutMs = _context.Options.TimeoutMs,
            MaxUncommittedBytes = _context.Options.MaxGroupUncommittedBytes,
            CommitNoticeMs = CommitNoticeMs,
        };
        var raft = recovery.Finish(options, replica, _seams.Random.Fork());
        recovery.RebuildOverlay(raft.Log, Self);
        var status = new PartitionStatus(id);
        _statuses[id.Value] = status;
        _context.Hlc.Observe(new HybridTimestamp(recovery.LastTicks, Self), int.MaxValue);
        var shard = ShardOf(id);
        var partition = new Partition(shard, id, raft, recovery.Log, recovery.Store, status, _wal, _catchUp, recovery.LastTicks);
        shard.Add(partition);
        if (recovery.MustRestartLog) shard.LogSnapshot(partition, recovery.Store.Durable.Index, recovery.Store.Durable.Term);
    }

    private (Shard, PartitionStore)? FindPartition(PartitionId id) =>
        _stores.TryGetValue(id, out var store) ? (ShardOf(id), store) : null;

    private void PostRaft(NodeId from, ReadOnlySpan<byte> body)
    {
        if (_shards.Length == 1)
        {
            _shards[0].PostRaft(from, PooledBytes.CopyOf(body));
            return;
        }

        // Neighbouring messages for one shard go together; a batch that one shard of the sender made is mostly for one shard here.
        var rest = body;
        var run = body;
        var runLength = 0;
        var runShard = -1;
        while (RaftBatch.TryTake(ref rest, out var id, out var message))
        {
            var shard = id.Value % _shards.Length;
            if (shard != runShard && runLength > 0)
            {
                _shards[runShard].PostRaft(from, PooledBytes.CopyOf(run[..runLength]));
                run = run[runLength..];
                runLength = 0;
            }

            runShard = shard;
            runLength += message.Length;
        }

        if (runLength > 0) _shards[runShard].PostRaft(from, PooledBytes.CopyOf(run[..runLength]));
    }

    private void OnLeaderChanged(PartitionId partition)
    {
        Coordinator.OnLeaderChanged(partition);
        if (_statuses[partition.Value]?.Read().Role == RaftRole.Leader) _heartbeats.Hurry();
    }

    /// <summary>Carries the engine's and the WAL's notices to the parts that wait for them.</summary>
    private sealed class Listener(KvNode node) : IStorageListener, IWalListener
    {
        public void OnFlushed(PartitionId p, AppliedState durable) => node._wal?.SetApplied(p, durable.Index);

        public void OnFailed(Exception cause) => node._seams.Fatal(cause);

        public void OnCorruption(CorruptionException e, PartitionId? p) => node._seams.Log.Warn(e.Message);

        public void OnDurable(Lsn through)
        {
            foreach (var shard in node._shards) shard.OnDurable();
        }

        public void OnSegmentRecycled(IReadOnlyDictionary<PartitionId, LogIndex> through)
        {
            foreach (var (id, index) in through)
                node.ShardOf(id).Post(new ShardEvent(ShardEventKind.LogRecycled, Partition: id, Number: index.Value));
        }

        /// <summary>
        /// A flush helps where the entries are applied. Where they are not, for want of a majority or because the replica has halted, it would be done
        /// for nothing, again and again.
        /// </summary>
        public void OnSpaceWanted(IReadOnlyDictionary<PartitionId, LogIndex> lastEntries)
        {
            if (!node._isOpen) return;
            var isFlushWanted = false;
            foreach (var (id, last) in lastEntries)
            {
                if (!node._stores.TryGetValue(id, out var store)) continue;
                if (store.Applied.Index >= last) isFlushWanted = true;
                else node.ShardOf(id).Post(new ShardEvent(ShardEventKind.LogPinned, Partition: id));
            }

            if (isFlushWanted) node._storage.RequestFlush();
        }

        public void OnSync(long durationNs, int records, int bytes) => node._context.Observer.OnSync(durationNs, records, bytes);
    }

    private sealed class Replay(Dictionary<PartitionId, PartitionRecovery> partitions) : IWalReplay
    {
        public void OnHardState(PartitionId partition, Lsn lsn, HardStateRecord state)
        {
            if (partitions.TryGetValue(partition, out var recovery)) recovery.OnHardState(state);
        }

        public void OnEntry(PartitionId partition, Term term, LogIndex index, Lsn lsn, WalAddress address, ReadOnlySpan<byte> payload)
        {
            if (partitions.TryGetValue(partition, out var recovery)) recovery.OnEntry(term, index, address, payload);
        }

        public void OnTruncate(PartitionId partition, Lsn lsn, LogIndex from)
        {
            if (partitions.TryGetValue(partition, out var recovery)) recovery.OnTruncate(from);
        }

        public void OnAppliedSnapshot(PartitionId partition, Lsn lsn, LogIndex index, Term term)
        {
            if (partitions.TryGetValue(partition, out var recovery)) recovery.OnAppliedSnapshot(index, term);
        }

        public void OnRecord(WalRecordType type, PartitionId partition, Lsn lsn, ReadOnlySpan<byte> payload)
        {
        }
    }
}

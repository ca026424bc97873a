using System.Buffers.Binary;
using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using KvStore.Core.Storage;

namespace KvStore.Core.Node;

/// <summary>
/// Brings a replica that is behind the retained log back by a snapshot: a consistent export of the partition at an applied index,
/// in checksummed chunks with a small window, then the log tail by ordinary replication.
/// </summary>
/// <remarks>
/// Everything here runs on one lane, off the shards, and may block on the disk. Frames, on the bulk lane, all with the stream's id as request id:
/// Begin {u16 partition, u64 from replica, u64 to replica, u64 index, u64 term, u64 log time, configuration},
/// Chunk {u32 number, u8 1 = last, 2 = given up, bytes}, Ack {u32 next number wanted, u8 state: 0 go on, 1 installed, 2 failed}.
/// </remarks>
internal sealed class CatchUp : IDisposable
{
    private const int ChunkBytes = 256 << 10;
    private const int BeginHeadBytes = 2 + (5 * 8);
    private const uint Window = 4;
    private const int MaxSending = 4;

    /// <summary>In place of the flag "last": the sender has ended the stream, and the receiver need not wait for it.</summary>
    private const byte GivenUp = 2;

    private const long SilenceNs = 10_000_000_000;

    /// <summary>So long after a snapshot the log behind it is kept, for the replica to read the tail.</summary>
    private const long TailNs = 30_000_000_000;

    /// <summary>From one attempt to rebuild a replica to the next: the first may have failed for a reason that lasts.</summary>
    private const long RebuildPauseNs = 5_000_000_000;

    private readonly NodeContext _context;
    private readonly ILane _lane;
    private readonly Func<PartitionId, (Shard Shard, PartitionStore Store)?> _find;
    private readonly Dictionary<ulong, Outgoing> _outgoing = [];
    private readonly Queue<Outgoing> _waiting = new();
    private readonly Dictionary<PartitionId, long> _keptUntilNs = [];
    private readonly Action<PartitionId, LogIndex?> _keepLog;
    private readonly Dictionary<(NodeId From, ulong Stream), Incoming> _incoming = [];
    private readonly Dictionary<(PartitionId Partition, NodeId Node), long> _rebuiltNs = [];
    private readonly ByteBuffer _buffer = new();
    private ulong _nextStream;
    private readonly Lock _stopGate = new();
    private volatile bool _stopped;

    private sealed class Outgoing
    {
        public required ulong Stream { get; init; }
        public required PartitionId Partition { get; init; }
        public required NodeId Node { get; init; }
        public required ReplicaId To { get; init; }
        public required ReplicaId From { get; init; }
        public required PartitionStore Store { get; init; }
        public PartitionExport? Export { get; set; }
        public uint Sent { get; set; }
        public uint Wanted { get; set; }
        public bool Ended { get; set; }
        public long LastAckNs { get; set; }
    }

    private sealed class Incoming
    {
        public required PartitionId Partition { get; init; }
        public required Shard Shard { get; init; }
        public required PartitionStore Store { get; init; }
        public required ReplicaId Leader { get; init; }
        public required AppliedState State { get; init; }
        public required byte[] ConfigurationBytes { get; init; }
        public required RaftConfiguration Configuration { get; init; }
        public PartitionIngest? Ingest { get; set; }
        public uint Next { get; set; }
        public long LastNs { get; set; }
    }

    /// <param name="context">The node's.</param>
    /// <param name="firstStream">Greater than the streams of earlier starts.</param>
    /// <param name="find">The partitions held here.</param>
    /// <param name="keepLog">Keeps a partition's log from an index on, over the retention budget if need be; null ends that.</param>
    public CatchUp(
        NodeContext context, ulong firstStream, Func<PartitionId, (Shard Shard, PartitionStore Store)?> find, Action<PartitionId, LogIndex?> keepLog)
    {
        _keepLog = keepLog;
        _context = context;
        _nextStream = firstStream;
        _find = find;
        _lane = context.Scheduler.CreateLane("catch-up");
    }

    /// <summary>
    /// Streams to a follower what is applied when its turn comes: one that waits pins nothing. The shard hears of the end as
    /// <see cref="ShardEventKind.SnapshotSent"/>.
    /// </summary>
    public void Send(PartitionStore store, NodeId node, ReplicaId to, ReplicaId from) => Run(() => Enqueue(store, node, to, from));

    /// <summary>As <see cref="Send"/>, for a replica that has halted. It may be asked for again and again: at most one stream is under way.</summary>
    public void Rebuild(PartitionStore store, NodeId node, ReplicaId to, ReplicaId from) => Run(() =>
    {
        var now = _context.Clock.BootTimeNs;
        if (_rebuiltNs.TryGetValue((store.Id, node), out var last) && now - last < RebuildPauseNs) return;
        if (_outgoing.Values.Concat(_waiting).Any(o => o.Partition == store.Id && o.Node == node)) return;
        _rebuiltNs[(store.Id, node)] = now;
        _context.Log.Info($"partition {store.Id}: {node} is damaged, rebuilding it by a snapshot");
        Enqueue(store, node, to, from);
    });

    /// <summary>A frame of a snapshot stream. Any thread.</summary>
    public void Receive(NodeId from, PeerFrame type, ulong stream, ReadOnlySpan<byte> body)
    {
        var bytes = PooledBytes.CopyOf(body);
        Run(() =>
        {
            if (type == PeerFrame.SnapshotBegin) OnBegin(from, stream, bytes.Span);
            else if (type == PeerFrame.SnapshotChunk) OnChunk(from, stream, bytes.Span);
            else if (type == PeerFrame.SnapshotAck) OnAck(from, stream, bytes.Span);
            bytes.Release();
        });
    }

    /// <summary>A node is gone: streams to and from it end; they start anew when it is back. Any thread.</summary>
    public void OnPeerLost(NodeId node) => Run(() =>
    {
        foreach (var outgoing in _outgoing.Values.Where(o => o.Node == node).ToList()) End(outgoing, false);
        foreach (var (key, incoming) in _incoming.Where(i => i.Key.From == node).ToList()) Abandon(key, incoming);
    });

    /// <summary>Ends streams that made no progress. Any thread.</summary>
    public void Tick() => Run(() =>
    {
        var now = _context.Clock.BootTimeNs;
        foreach (var outgoing in _outgoing.Values.Where(o => now - o.LastAckNs > SilenceNs).ToList()) End(outgoing, false);
        foreach (var (key, incoming) in _incoming.Where(i => now - i.Value.LastNs > SilenceNs).ToList()) Abandon(key, incoming);
        foreach (var partition in _keptUntilNs.Where(k => k.Value < now).Select(k => k.Key).ToList()) LetLogGo(partition);
    });

    public void Dispose()
    {
        lock (_stopGate) _stopped = true;
        _lane.Dispose();
        foreach (var outgoing in _outgoing.Values) outgoing.Export?.Dispose();
        foreach (var incoming in _incoming.Values) incoming.Ingest?.Abort();
    }

    private void Run(Action action)
    {
        lock (_stopGate)
        {
            if (_stopped) return;
            _lane.Post(new WorkItem(() =>
            {
                if (!_stopped) action();
            }));
        }
    }

    private void Enqueue(PartitionStore store, NodeId node, ReplicaId to, ReplicaId from)
    {
        _waiting.Enqueue(new Outgoing
        {
            Stream = _nextStream++,
            Partition = store.Id,
            Node = node,
            To = to,
            From = from,
            Store = store,
        });
        StartWaiting();
    }

    private void StartWaiting()
    {
        while (_outgoing.Count < MaxSending && _waiting.TryDequeue(out var next))
        {
            next.LastAckNs = _context.Clock.BootTimeNs;
            _outgoing.Add(next.Stream, next);
            try
            {
                next.Export = next.Store.BeginExport();
                KeepLog(next.Partition, next.Export.State.Index.Next);
                SendBegin(next, next.Export);
            }
            catch (IOException damage) when (damage is CorruptionException or DiskException)
            {
                EndDamaged(next, damage);
            }
        }
    }

    private void SendBegin(Outgoing outgoing, PartitionExport export)
    {
        var state = export.State;
        _buffer.Clear();
        var head = _buffer.Take(BeginHeadBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(head, outgoing.Partition.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(head[2..], outgoing.From.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(head[10..], outgoing.To.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(head[18..], state.Index.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(head[26..], state.Term.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(head[34..], state.LogTime);
        _buffer.Append(export.Configuration);
        if (!_context.Transport.TrySend(outgoing.Node, PeerLane.Bulk, PeerFrame.SnapshotBegin, outgoing.Stream, _buffer.Written)) End(outgoing, false);
    }

    private void OnAck(NodeId from, ulong stream, ReadOnlySpan<byte> body)
    {
        if (body.Length < 5 || !_outgoing.TryGetValue(stream, out var outgoing) || outgoing.Node != from) return;
        outgoing.LastAckNs = _context.Clock.BootTimeNs;
        outgoing.Wanted = BinaryPrimitives.ReadUInt32LittleEndian(body);
        if (body[4] != 0)
        {
            End(outgoing, body[4] == 1);
            return;
        }

        try
        {
            while (outgoing is { Ended: false, Export: { } export } && outgoing.Sent < outgoing.Wanted + Window && SendChunk(outgoing, export))
            {
            }
        }
        catch (IOException damage) when (damage is CorruptionException or DiskException)
        {
            EndDamaged(outgoing, damage);
        }
    }

    private void EndDamaged(Outgoing outgoing, IOException damage)
    {
        _context.Log.Warn($"partition {outgoing.Partition}: no snapshot for {outgoing.Node}: {damage.Message}");
        End(outgoing, false, isDamaged: damage is CorruptionException);
    }

    private bool SendChunk(Outgoing outgoing, PartitionExport export)
    {
        _buffer.Clear();
        _buffer.Take(5);
        var more = export.Read(_buffer, ChunkBytes);
        outgoing.Ended = !more;
        var body = _buffer.Written.ToArray();
        BinaryPrimitives.WriteUInt32LittleEndian(body, outgoing.Sent++);
        body[4] = more ? (byte)0 : (byte)1;
        if (_context.Transport.TrySend(outgoing.Node, PeerLane.Bulk, PeerFrame.SnapshotChunk, outgoing.Stream, body)) return true;
        End(outgoing, false);
        return false;
    }

    private void End(Outgoing outgoing, bool ok, bool isDamaged = false)
    {
        outgoing.Ended = true;
        if (!_outgoing.Remove(outgoing.Stream)) return;
        if (!ok) _context.Transport.TrySend(outgoing.Node, PeerLane.Bulk, PeerFrame.SnapshotChunk, outgoing.Stream, [0, 0, 0, 0, GivenUp]);
        var index = outgoing.Export?.State.Index ?? LogIndex.Zero;
        outgoing.Export?.Dispose();
        if (ok) _context.Counters.AddSnapshotSent();
        if (_outgoing.Values.All(o => o.Partition != outgoing.Partition))
        {
            if (ok) _keptUntilNs[outgoing.Partition] = _context.Clock.BootTimeNs + TailNs;
            else LetLogGo(outgoing.Partition);
        }

        if (_find(outgoing.Partition) is { } owner)
            owner.Shard.Post(new ShardEvent(ShardEventKind.SnapshotSent, new SnapshotSent(outgoing.To, index, ok, isDamaged), outgoing.Partition));
        StartWaiting();
    }

    /// <summary>Without the log behind it a snapshot is old before it has arrived, and another would follow it, for ever. The oldest stream's start counts.</summary>
    private void KeepLog(PartitionId partition, LogIndex from)
    {
        if (!_keptUntilNs.ContainsKey(partition)) _keepLog(partition, from);
        _keptUntilNs[partition] = long.MaxValue;
    }

    private void LetLogGo(PartitionId partition)
    {
        if (_keptUntilNs.Remove(partition)) _keepLog(partition, null);
    }

    private void OnBegin(NodeId from, ulong stream, ReadOnlySpan<byte> body)
    {
        if (body.Length < BeginHeadBytes || _incoming.ContainsKey((from, stream))) return;
        var partition = new PartitionId(BinaryPrimitives.ReadUInt16LittleEndian(body));
        if (_find(partition) is not { } owner) return;
        var state = new AppliedState(
            new LogIndex(BinaryPrimitives.ReadUInt64LittleEndian(body[18..])),
            new Term(BinaryPrimitives.ReadUInt64LittleEndian(body[26..])),
            BinaryPrimitives.ReadUInt64LittleEndian(body[34..]));
        if (_incoming.Values.Any(i => i.Partition == partition) || owner.Store.Applied.Index >= state.Index)
        {
            Ack(from, stream, 0, owner.Store.Applied.Index >= state.Index ? (byte)1 : (byte)2);
            return;
        }

        // Once it is installed, a configuration that cannot be read would stop the node, and stop it again at every start.
        RaftConfiguration configuration;
        try
        {
            configuration = RaftConfiguration.Decode(body[BeginHeadBytes..]);
        }
        catch (FormatException)
        {
            Ack(from, stream, 0, 2);
            return;
        }

        var incoming = new Incoming
        {
            Partition = partition,
            Shard = owner.Shard,
            Store = owner.Store,
            State = state,
            Leader = new ReplicaId(BinaryPrimitives.ReadUInt64LittleEndian(body[2..])),
            ConfigurationBytes = body[BeginHeadBytes..].ToArray(),
            Configuration = configuration,
            LastNs = _context.Clock.BootTimeNs,
        };
        _incoming.Add((from, stream), incoming);

        // The shard must have stopped applying to the partition before anything of it is replaced.
        Action stopped = () => Run(() =>
        {
            if (!_incoming.ContainsKey((from, stream))) return;
            if (owner.Store.Applied.Index >= state.Index)
            {
                // The log overtook the snapshot before the shard stopped: an install would go back in time.
                Abandon((from, stream), incoming, installed: true);
                return;
            }

            incoming.Ingest = owner.Store.BeginIngest(state, incoming.ConfigurationBytes);
            Ack(from, stream, 0, 0);
        });
        owner.Shard.Post(new ShardEvent(ShardEventKind.SnapshotReceiving, stopped, partition, Number: 1));
    }

    private void OnChunk(NodeId from, ulong stream, ReadOnlySpan<byte> body)
    {
        if (body.Length < 5 || !_incoming.TryGetValue((from, stream), out var incoming)) return;
        var isOutOfOrder = incoming.Ingest is not null && BinaryPrimitives.ReadUInt32LittleEndian(body) != incoming.Next;
        if (body[4] == GivenUp || isOutOfOrder)
        {
            Abandon((from, stream), incoming);
            return;
        }

        if (incoming.Ingest is null) return;

        incoming.Next++;
        incoming.LastNs = _context.Clock.BootTimeNs;
        var last = body[4] != 0;
        try
        {
            incoming.Ingest.Write(body[5..]);
            if (incoming.Ingest.IsComplete != last) throw new CorruptionException("snapshot chunk", 0, "frame and chunk differ in whether it is the last");
            if (last) incoming.Ingest.Install();
        }
        catch (IOException failure) when (failure is CorruptionException or DiskException)
        {
            // A chunk was damaged, or the disk is full: the leader tries again later. Any other failure of the disk has stopped the node already.
            _context.Log.Warn($"partition {incoming.Partition}: a snapshot from {from} was given up ({failure.Message})");
            Abandon((from, stream), incoming);
            return;
        }

        if (last)
        {
            _incoming.Remove((from, stream));
            incoming.Shard.Post(new ShardEvent(
                ShardEventKind.SnapshotInstalled,
                new SnapshotInstalled(incoming.Leader, incoming.State.Index, incoming.State.Term, incoming.Configuration), incoming.Partition));
        }

        Ack(from, stream, incoming.Next, last ? (byte)1 : (byte)0);
    }

    private void Abandon((NodeId From, ulong Stream) key, Incoming incoming, bool installed = false)
    {
        _incoming.Remove(key);
        incoming.Ingest?.Abort();
        incoming.Shard.Post(new ShardEvent(ShardEventKind.SnapshotReceiving, Partition: incoming.Partition, Number: 0));
        Ack(key.From, key.Stream, 0, installed ? (byte)1 : (byte)2);
    }

    private void Ack(NodeId to, ulong stream, uint wanted, byte state)
    {
        Span<byte> body = stackalloc byte[5];
        BinaryPrimitives.WriteUInt32LittleEndian(body, wanted);
        body[4] = state;
        _context.Transport.TrySend(to, PeerLane.Bulk, PeerFrame.SnapshotAck, stream, body);
    }
}

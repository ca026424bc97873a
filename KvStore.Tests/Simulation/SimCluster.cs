using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Ring;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Tests.Simulation;

/// <summary>Whole production nodes in one simulated world: a disk, a clock and a scheduler each, one network.</summary>
internal sealed class SimCluster : IDisposable
{
    public const string Directory = "/data";
    private readonly Dictionary<NodeId, SimNode> _nodes = [];
    private readonly NodeOptions _options;

    /// <param name="seed">Everything follows from it.</param>
    /// <param name="nodes">3 or more.</param>
    /// <param name="partitions">A power of two.</param>
    /// <param name="blockCacheBytes">0: every block that is read is forgotten at once.</param>
    public SimCluster(ulong seed, int nodes = 3, int partitions = 16, long blockCacheBytes = 128L << 20)
        : this(seed, nodes, partitions, SmallOptions with { BlockCacheBytes = blockCacheBytes })
    {
    }

    /// <param name="holdsPages"><see cref="SimDisk.HoldsPages"/> of all disks.</param>
    public SimCluster(ulong seed, int nodes, int partitions, NodeOptions options, bool holdsPages = false)
    {
        _options = options;
        World = new SimWorld(seed);
        Network = new SimNetwork(World);
        var members = Enumerable.Range(1, nodes).Select(i => new ClusterMember
        {
            Id = new NodeId((ushort)i),
            Name = $"n{i}",
            Address = $"sim{i}:7400",
            Incarnation = (ulong)i * 1000,
        }).ToArray();
        Topology = Topology.Form(1, partitions, members);
        foreach (var member in members)
        {
            _nodes.Add(member.Id, new SimNode(new SimDisk(World.Random.NextUInt64()) { HoldsPages = holdsPages }, member.Incarnation));
            Start(member.Id);
        }
    }

    /// <summary>So small that a few hundred writes bring about flushes, compactions and new segments.</summary>
    public static NodeOptions SmallOptions { get; } = new() { Shards = 1, WalSegmentBytes = 1 << 20, WalRetentionBytes = 4 << 20, MemTableBytes = 1 << 20 };

    public SimWorld World { get; }

    /// <summary>Told when a node has found that it must stop. Its process ends with the call.</summary>
    public Action<int, Exception>? Failed { get; set; }

    /// <summary>Told when the power of a node went off in the middle of an I/O call (<see cref="SimDisk.PowerCutAtStep"/>).</summary>
    public Action<int>? PowerCut { get; set; }

    public SimNetwork Network { get; }

    public Topology Topology { get; }

    public List<string> Timeline { get; } = [];

    /// <summary>When each process of a node began.</summary>
    public List<(ushort Node, long AtNs)> Starts { get; } = [];

    public KvNode this[int id] => _nodes[new NodeId((ushort)id)].Node!;

    public SimClock ClockOf(int id) => _nodes[new NodeId((ushort)id)].Clock!;

    public SimDisk DiskOf(int id) => _nodes[new NodeId((ushort)id)].Disk;

    public NodeScheduler SchedulerOf(int id) => _nodes[new NodeId((ushort)id)].Scheduler!;

    public IEnumerable<KvNode> Running => _nodes.Values.Where(n => n.Node is not null).Select(n => n.Node!);

    public bool EveryPartitionIsLed() => Enumerable.Range(0, Topology.PartitionCount).All(p =>
        Running.Count(n => n.StatusOf(new PartitionId((ushort)p))?.Read().Role == Core.Raft.RaftRole.Leader) == 1
        && Running.All(n => !n.LeaderOf(new PartitionId((ushort)p)).IsNone));

    public bool IsUp(int id) => _nodes[new NodeId((ushort)id)].Node is not null;

    /// <summary>Starts a node on its disk.</summary>
    /// <exception cref="Exception">It could not open its data directory. Then it is down.</exception>
    public void Start(NodeId id)
    {
        var state = _nodes[id];
        state.Boot++;
        Starts.Add((id.Value, World.NowNs));
        var scheduler = state.Scheduler = new NodeScheduler(World);
        scheduler.PowerCut = () =>
        {
            PowerCut?.Invoke(id.Value);
            return PowerCut is not null;
        };
        scheduler.Fatal = cause =>
        {
            OnFatal(id, scheduler, cause);
            return Failed is not null;
        };
        var seams = new NodeSeams(
            state.Disk, state.Clock ??= new SimClock(World), state.Scheduler, Network.For(id), new Log(this, id), new Deaf(),
            World.Random.Fork(), cause => OnFatal(id, scheduler, cause));
        try
        {
            state.Node = KvNode.Open(seams, _options, new NodeIdentity(state.Incarnation, state.Boot, state.HasData), id, Topology, Directory);
        }
        catch
        {
            state.Scheduler.Kill();
            throw;
        }

        state.HasData = true;
        state.Node.Start();
        Network.Attach(id, state.Node, state.Scheduler);
    }

    /// <summary>Power cut: what was not synced may be gone. Of a node that is down as well.</summary>
    public void Crash(int id) => End(id, disk => disk.Crash());

    /// <summary>kill -9: what was written stays in the page cache.</summary>
    public void Kill(int id) => End(id, disk => disk.Kill());

    private void End(int id, Func<SimDisk, SimDisk> disk)
    {
        var state = _nodes[new NodeId((ushort)id)];
        Network.Detach(new NodeId((ushort)id));
        state.Scheduler!.Kill();
        var before = state.Disk;
        state.Disk = disk(before);
        before.SwitchOff();
        state.Node?.Abandon();
        state.Node = null;
    }

    private void OnFatal(NodeId id, NodeScheduler scheduler, Exception cause)
    {
        Timeline.Add($"{World.NowNs / 1_000_000} ms {id} fatal: {cause}");
        if (Failed is null) return;
        scheduler.Kill();
        World.After(0, () =>
        {
            if (_nodes[id].Scheduler == scheduler) Failed(id.Value, cause);
        });
    }

    public void Restart(int id) => Start(new NodeId((ushort)id));

    /// <summary>Sends a request to a node; the result is filled in when the reply comes.</summary>
    public SimReply Send(int node, FrameType type, byte[] body, long timeoutMs = 5_000)
    {
        var reply = new SimReply();
        this[node].Coordinator.Submit(new ClientRequest
        {
            Type = type,
            Id = 1,
            DeadlineNs = World.NowNs + (timeoutMs * 1_000_000),
            Body = body,
            Sink = reply,
        });
        return reply;
    }

    public SimReply Put(
        int node, string key, string value, WriteMode mode = WriteMode.Strong, long timeoutMs = 5_000, WriteCondition condition = default)
    {
        using var body = new FrameBuffer();
        WriteRequest.Encode(
            body, mode, WriteKind.Put, System.Text.Encoding.UTF8.GetBytes(key), System.Text.Encoding.UTF8.GetBytes(value), condition: condition);
        return Send(node, FrameType.Write, body.Written.ToArray(), timeoutMs);
    }

    public SimReply Delete(int node, string key, WriteMode mode = WriteMode.Strong, WriteCondition condition = default)
    {
        using var body = new FrameBuffer();
        WriteRequest.Encode(body, mode, WriteKind.Delete, System.Text.Encoding.UTF8.GetBytes(key), default, condition: condition);
        return Send(node, FrameType.Write, body.Written.ToArray());
    }

    public PartitionId PartitionOf(string key) => Topology.PartitionOf(System.Text.Encoding.UTF8.GetBytes(key));

    /// <summary>The node that leads a key's partition.</summary>
    public int LeaderOf(string key) => Running.First(n => n.StatusOf(PartitionOf(key))!.Read().Role == Core.Raft.RaftRole.Leader).Self.Value;

    public SimReply Get(int node, string key, ReadConsistency consistency = ReadConsistency.Quorum)
    {
        using var body = new FrameBuffer();
        GetRequest.Encode(body, consistency, System.Text.Encoding.UTF8.GetBytes(key));
        return Send(node, FrameType.Get, body.Written.ToArray());
    }

    /// <summary>Runs the world until the reply is there.</summary>
    public SimReply Await(SimReply reply, long withinMs = 20_000)
    {
        World.RunUntil(() => reply.IsDone, withinMs * 1_000_000);
        return reply;
    }

    public void Dispose()
    {
        foreach (var state in _nodes.Values)
        {
            state.Scheduler?.Kill();
            state.Disk.SwitchOff();
            state.Node?.Abandon();
        }
    }

    private sealed class SimNode(SimDisk disk, ulong incarnation)
    {
        public SimDisk Disk { get; set; } = disk;

        public ulong Incarnation { get; } = incarnation;

        public ulong Boot { get; set; }

        public bool HasData { get; set; }

        public SimClock? Clock { get; set; }

        public NodeScheduler? Scheduler { get; set; }

        public KvNode? Node { get; set; }
    }

    private sealed class Log(SimCluster cluster, NodeId id) : INodeLog
    {
        public void Info(string message) => cluster.Timeline.Add($"{cluster.World.NowNs / 1_000_000} ms {id} {message}");

        public void Warn(string message) => Info("WARN " + message);
    }

    private sealed class Deaf : INodeObserver
    {
        public void OnRequest(RequestKind kind, bool majority, KvError error, Outcome outcome, long durationNs)
        {
        }

        public void OnSync(long durationNs, int records, int bytes)
        {
        }
    }
}

/// <summary>The reply to one request, when it comes; a second one is a bug.</summary>
internal sealed class SimReply : IReplySink
{
    public bool IsDone { get; private set; }

    public FrameType Type { get; private set; }

    public byte[] Body { get; private set; } = [];

    public ErrorReply? Error => Type == FrameType.Error ? ErrorReply.Decode(Body) : null;

    public string? Value => Type == FrameType.GetReply && GetReply.DecodeSingle(Body) is { Found: true } found ? System.Text.Encoding.UTF8.GetString(found.Value.Span) : null;

    public void Reply(ulong requestId, FrameType type, ReadOnlySpan<byte> body)
    {
        if (IsDone) throw new InvalidOperationException("a second reply to one request");
        IsDone = true;
        Type = type;
        Body = body.ToArray();
    }

    public WriteResult Written => WriteReply.DecodeSingle(Body);

    public override string ToString() => !IsDone ? "no reply" : Error is { } error ? $"{error.Code} {error.Outcome}: {error.Message}" : $"{Type}";
}

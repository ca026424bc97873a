using System.Net.Sockets;
using System.Security.Cryptography;
using KvStore.Core.Io;
using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Ring;
using KvStore.Daemon.Config;
using KvStore.Daemon.Diagnostics;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using Microsoft.Extensions.Logging;

namespace KvStore.Daemon.Server;

/// <summary>
/// One node in this process: its data directory, its ports, and, once it is a member of a cluster, its <see cref="KvNode"/>.
/// `kvd run` has one, `kvd dev` several.
/// </summary>
internal sealed class NodeHost : IDisposable
{
    private static readonly TimeSpan HandOverPatience = TimeSpan.FromSeconds(5);

    /// <summary>A connection to a peer is given up after a silence of this many timeouts, and not before the peer counts as down.</summary>
    private const int SilentTimeouts = 3;

    private readonly KvdConfig _config;
    private readonly NodeOptions _options;
    private readonly ILogger _log;
    private readonly Action<Exception> _fatal;
    private readonly IFileSystem _files = new OsFileSystem();
    private readonly IClock _clock = new SystemClock();
    private readonly IDisposable _lock;
    private NodeIdentity _identity;
    private readonly NodeMetrics _metrics = new(BuildInfo.Version);
    private readonly long _startedMs = Environment.TickCount64;
    private readonly Lock _joining = new();
    private readonly Formation _formation;
    private Gate? _gate;
    private HttpEndpoint? _http;
    private KvNode? _node;
    private ClusterFile? _cluster;
    private NodeId _self;
    private long _framesReceived;
    private long _framesSent;
    private bool _disposed;
    private volatile bool _draining;
    private volatile bool _starting = true;

    /// <summary>Takes the data directory. Nothing listens yet.</summary>
    /// <exception cref="DiskException">The directory cannot be used, or another process uses it.</exception>
    public NodeHost(KvdConfig config, NodeOptions options, ILogger log, Action<Exception> fatal)
    {
        _config = config;
        _options = options;
        _log = log;
        _fatal = fatal;
        _files.CreateDirectory(config.DataDirectory);
        _lock = _files.Lock(Path.Combine(config.DataDirectory, NodeLock.FileName));
        StartReserve.Release(_files, config.DataDirectory);
        _identity = NodeIdentity.Open(_files, config.DataDirectory, new Prng(RandomSeed()));
        _cluster = ClusterFile.Read(_files, config.DataDirectory);
        _formation = new Formation(_files, config, _identity, log, Join, () => _cluster);
    }

    public PeerLinks? Links { get; private set; }

    public KvNode? Node => Volatile.Read(ref _node);

    public UInt128 ClusterId => _cluster?.Topology.ClusterId ?? 0;

    public bool IsReady => Node is not null && !_starting && !_draining;

    /// <summary>Opens the HTTP port, then the store if this node is a member of a cluster, then the data port. Ready to be talked to when it returns.</summary>
    public void Start()
    {
        var connections = DescriptorLimit.Connections(_config.MaxConnections, _log);
        _http = Listening(_config.Http, Settings.Http, () => HttpEndpoint.Start(_config.Http.ToEndPoint()!, HttpRoutes.Of(this, _metrics), _log));
        _metrics.ReadFiguresFrom(() => Figures.Of(Node, this, _clock));
        if (_cluster is { } cluster) Open(cluster);
        else _log.LogInformation("no cluster yet: waiting for kvctl cluster init");
        _gate = Listening(_config.Listen, Settings.Listen, () => new Gate(_config.Listen.ToEndPoint()!, this, _clock, _log, connections));
        _starting = false;
        Links?.Start();
        Node?.Start();
        _log.LogInformation("node {Name} listens on {Listen}, HTTP on {Http}", _config.NodeName, _config.Listen, _config.Http);
    }

    /// <summary>A request of a client. Any thread; never blocks.</summary>
    public void Handle(in ClientRequest request)
    {
        if (request.Type == FrameType.Status) ReplyStatus(request);
        else if (Formation.Takes(request.Type)) _formation.Handle(request);
        else if (Node is { } node) node.Coordinator.Submit(request);
        else RefuseUninitialized(request);
    }

    public HelloAck HelloAck() => new()
    {
        Node = _self.Value,
        ClusterId = ClusterId,
        Incarnation = _identity.Incarnation,
        BootId = _identity.Boot,
        TopologyVersion = _cluster?.Topology.Version ?? 0,
        BuildVersion = BuildInfo.Version,
    };

    public void CountFrameReceived() => Interlocked.Increment(ref _framesReceived);

    public void CountFrameSent() => Interlocked.Increment(ref _framesSent);

    public long FramesReceived => Volatile.Read(ref _framesReceived);

    public long FramesSent => Volatile.Read(ref _framesSent);

    public int Connections => _gate?.Connections ?? 0;

    public bool IsStarting => _starting;

    public bool IsDraining => _draining;

    /// <summary>Hands the primaries over, as far as others can take them, then stops everything and flushes.</summary>
    public void Stop()
    {
        _draining = true;
        if (Node is { } node)
        {
            var deadline = Environment.TickCount64 + (long)HandOverPatience.TotalMilliseconds;
            using var pause = new ManualResetEventSlim();
            while (node.HandOver() && Environment.TickCount64 < deadline) pause.Wait(TimeSpan.FromMilliseconds(50));
            _log.LogInformation("{Count} primaries left after handing over", node.PrimaryCount);
            while (_gate!.PendingRequests > 0 && Environment.TickCount64 < deadline) pause.Wait(TimeSpan.FromMilliseconds(10));
        }

        Dispose();
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _gate?.Dispose();
        Node?.Dispose();
        Links?.Dispose();
        _http?.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _formation.Dispose();
        _metrics.Dispose();
        _lock.Dispose();
    }

    /// <exception cref="ConfigException">The address cannot be bound.</exception>
    private static T Listening<T>(HostPort address, Setting setting, Func<T> listen)
    {
        try
        {
            return listen();
        }
        catch (SocketException e)
        {
            throw new ConfigException($"cannot listen on {address}: {e.Message}; stop who uses it, or choose another address with {setting.Flag}");
        }
    }

    private static ulong RandomSeed() => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8));

    /// <summary>This node became a member: called once, by the formation, after the cluster file is durable.</summary>
    private void Join(ClusterFile cluster)
    {
        lock (_joining)
        {
            if (_cluster is not null) return;
            _cluster = cluster;
            Open(cluster);
        }

        Links!.Start();
        Node!.Start();
        _log.LogInformation("member {Self} of cluster {Cluster:x32}", _self, cluster.Topology.ClusterId);
    }

    private void Open(ClusterFile cluster)
    {
        var member = cluster.Topology.Members.FirstOrDefault(m => m.Incarnation == _identity.Incarnation)
            ?? throw new KvdStartException($"{_config.DataDirectory} is no data directory of a member of cluster {cluster.Topology.ClusterId:x32}: it was copied, or its identity file was replaced");
        _self = member.Id;
        var links = new PeerLinks(_self, _identity, cluster, _log, SilentTimeouts * _options.TimeoutMs);
        var seams = new NodeSeams(
            _files, _clock, new ThreadPoolScheduler(_fatal), links, new NodeLogger(_log), new MetricsObserver(_metrics), new Prng(RandomSeed()), _fatal);
        var opened = KvNode.Open(seams, _options, _identity, _self, cluster.Topology, _config.DataDirectory);
        _identity = _identity.WithData(_files, _config.DataDirectory);
        var report = opened.WalReport;
        _log.LogInformation(
            "log replayed: {Records} records, {Bytes} bytes, torn tail {Torn} bytes", report.RecordsRead, report.BytesRead, report.TornBytes);
        links.Attach(opened);
        Links = links;
        Volatile.Write(ref _node, opened);
    }

    private void ReplyStatus(in ClientRequest request)
    {
        using var body = new FrameBuffer();
        StatusOf.Host(this, _config, _identity, _cluster?.Topology, _self, Environment.TickCount64 - _startedMs, _metrics, _clock).Encode(body);
        request.Sink.Reply(request.Id, FrameType.StatusReply, body.Written);
    }

    private static void RefuseUninitialized(in ClientRequest request)
    {
        using var body = new FrameBuffer();
        new ErrorReply
        {
            Code = KvError.NotInitialized,
            Message = "this node is no member of a cluster yet",
            Advice = "form a cluster with: kvctl cluster init --nodes A,B,C",
            Outcome = request.Type == FrameType.Write ? Outcome.NotApplied : Outcome.None,
            Retryable = true,
        }.Encode(body);
        request.Sink.Reply(request.Id, FrameType.Error, body.Written);
    }
}

/// <summary>Why the daemon cannot start with this data directory; for the operator.</summary>
internal sealed class KvdStartException(string message) : Exception(message);

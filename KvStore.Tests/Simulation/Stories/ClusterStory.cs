using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using KvStore.Core.Storage;
using KvStore.Core.Storage.Wal;
using KvStore.Protocol.Messages;
using KvStore.Tests.Simulation.Checkers;

namespace KvStore.Tests.Simulation.Stories;

/// <summary>
/// A cluster of three nodes, clients, and faults of many kinds, all from one seed; then the faults end, and everything that was promised
/// is checked. Small and dense: few keys, little logs and memtables, a fault every second or so.
/// </summary>
internal sealed class ClusterStory : IDisposable
{
    private const int Nodes = 3;
    private const long Millisecond = 1_000_000;
    private const long Second = 1_000 * Millisecond;
    private const int LookEverySteps = 16;
    private const string LogDirectory = SimCluster.Directory + "/wal";

    /// <summary>Several batches: the last one alone could not be told from one that was not synced.</summary>
    private const long LeastDamagedBytes = 96 << 10;

    private readonly Prng _random;
    private readonly SimCluster _cluster;
    private readonly StoryClients _clients;
    private readonly AcknowledgedEntries _acknowledged = new();
    private readonly RaftWatch _raft = new();
    private readonly PromiseWatch _promises;
    private readonly List<string> _violations = [];
    private readonly bool _hasSlowDisks;
    private readonly bool _damagesLog;
    private readonly HashSet<int> _lost = [];
    private int _damaged;
    private (int Node, RaftMessageType? Saying)? _crashWhenSaid;
    private long _lossPerMille;
    private int _losesAppendsOf;
    private bool _losesThis;

    public ClusterStory(ulong seed)
    {
        _random = new Prng(seed);
        var options = new NodeOptions
        {
            Shards = 1 + _random.Next(2),
            WalSegmentBytes = 64 << (10 + _random.Next(4)),
            WalRetentionBytes = 256 << (10 + _random.Next(4)),
            MemTableBytes = 128 << (10 + _random.Next(4)),
            BlockCacheBytes = _random.Chance(1, 2) ? 0 : 8 << 20,
            Storage = new StorageOptions
            {
                StepBytes = 1 << (10 + _random.Next(8)),
                TableBytes = 32 << (10 + _random.Next(4)),
                BaseLevelBytes = 64 << (10 + _random.Next(4)),
                Level0CompactionTables = _random.Next(2, 5),
                PoisonFreedMemory = true,
            },
        };
        _cluster = new SimCluster(seed, Nodes, options: options);
        _clients = new StoryClients(_cluster, _random.NextUInt64(), 4 + _random.Next(8), Nodes);
        _hasSlowDisks = _random.Chance(1, 2);
        _damagesLog = _random.Chance(1, 3);
        _promises = new PromiseWatch(_acknowledged);
        _cluster.Network.Sent = OnSent;
        _cluster.Network.IsLost = (_, _, _) => _losesThis || (_lossPerMille > 0 && _random.Next(1_000) < _lossPerMille);
    }

    public int Answered => _clients.Answered;

    public int FastWritesCut { get; private set; }

    /// <summary>The next number of the world's source of randomness: equal after two runs of a seed if nothing but the seed had a say.</summary>
    public ulong NextDraw => _cluster.World.Random.NextUInt64();

    public IReadOnlyList<string> Timeline => _cluster.Timeline;

    /// <summary>Runs it to its end, or to the first violation that can be seen on the way.</summary>
    /// <returns>What was violated, each with the name of the check before it; empty if nothing was.</returns>
    public IReadOnlyList<string> Run(long seconds)
    {
        try
        {
            RunUnderFaults(seconds * Second);
            if (_violations.Count == 0) Settle();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            _violations.Add($"exception: {e}");
        }

        return _violations;
    }

    public void Dispose() => _cluster.Dispose();

    private void RunUnderFaults(long durationNs)
    {
        var end = _cluster.World.NowNs + durationNs;
        var nextFaultNs = _cluster.World.NowNs + (2 * Second);
        while (_cluster.World.NowNs < end && _violations.Count == 0)
        {
            Advance(_random.Next(1, 10) * Millisecond, askMore: true);
            if (_cluster.World.NowNs < nextFaultNs) continue;
            nextFaultNs = _cluster.World.NowNs + (_random.Next(100, 2_000) * Millisecond);
            Fault();
        }
    }

    private void Advance(long durationNs, bool askMore)
    {
        var end = _cluster.World.NowNs + durationNs;
        for (var steps = 1; _cluster.World.StepUntil(end); steps++)
            if (steps % LookEverySteps == 0) Look();
        Look();
        _clients.Step(askMore);
        NoteFatal();
    }

    private void Look()
    {
        _violations.AddRange(_raft.Look(_cluster.Running).Select(text => $"raft: {text}"));
        _violations.AddRange(_promises.Look(_cluster.Running).Select(text => $"promises: {text}"));
    }

    private void NoteFatal() => _violations.AddRange(_cluster.Timeline.Where(line => line.Contains(" fatal: ", StringComparison.Ordinal)).Select(line => $"fatal: {line}"));

    private void Fault()
    {
        var node = 1 + _random.Next(Nodes);
        switch (_random.Next(_hasSlowDisks ? 15 : 13))
        {
            case 0 or 1:
                Crash(node);
                break;
            case 2:
                for (var i = 1; i <= Nodes; i++) Crash(i);
                break;
            case 3 or 4:
                Isolate(node);
                break;
            case 5:
                Pause(node);
                break;
            case 6:
                Lose();
                break;
            case 7:
                Note($"clock of n{node} jumps");
                _cluster.ClockOf(node).WallOffsetMs = _random.Next(-3_600, 3_600) * (_random.Chance(1, 2) ? 1_000 : 1);
                break;
            case 8:
                _crashWhenSaid = (node, null);
                break;
            case 9:
                _crashWhenSaid = (node, _random.Chance(1, 2) ? RaftMessageType.VoteReply : RaftMessageType.Vote);
                break;
            case 10:
                if (_damagesLog) DamageLog(node);
                break;
            case 11:
                LoseAppends(node);
                break;
            case 12:
                foreach (var running in _cluster.Running) running.Storage.RequestFlush();
                break;
            default:
                SlowDisk(node);
                break;
        }
    }

    private void Crash(int node)
    {
        if (!_cluster.IsRunning(node)) return;
        Note($"crash of n{node}");
        _cluster.Crash(node);
        _cluster.World.After(_random.Next(20, 3_000) * Millisecond, () => Restart(node));
    }

    /// <summary>Just after a node has said something is when it has most to lose.</summary>
    private void OnSent(NodeId from, NodeId to, PeerFrame type, ReadOnlySpan<byte> body)
    {
        _promises.OnSent(_cluster.World.NowNs, from, type, body);
        _losesThis = type == PeerFrame.Raft && from.Value == _losesAppendsOf && RaftBatch.TryDecode(body, out var first, out _) && first.Type == RaftMessageType.Append;
        if (type != PeerFrame.Raft || _crashWhenSaid is not { } wanted || wanted.Node != from.Value) return;
        if (wanted.Saying is { } saying && (!RaftBatch.TryDecode(body, out var message, out _) || message.Type != saying)) return;
        _crashWhenSaid = null;
        _cluster.World.After(_random.Next(500_000), () => Crash(wanted.Node));
    }

    private void Restart(int node)
    {
        if (_cluster.IsRunning(node) || _lost.Contains(node)) return;
        Note($"start of n{node}");
        try
        {
            _cluster.Restart(node);
        }
        catch (Exception damage) when (damage is WalDamagedException or WalRefusedException && _damaged == node)
        {
            Note($"n{node} refuses to start for ever: {damage.Message}");
            _lost.Add(node);
        }
    }

    /// <summary>
    /// A bit of the log changes while the node is down, well before the log's end, so that the batches behind it tell that it was durable.
    /// The node must not start any more: it would have forgotten what it told.
    /// </summary>
    private void DamageLog(int node)
    {
        if (!_cluster.IsRunning(node) || _damaged != 0) return;
        Crash(node);
        var disk = _cluster.DiskOf(node);
        var segment = WalInspection.Inspect(disk, LogDirectory).Segments[^1];
        if (segment.UsedBytes < LeastDamagedBytes) return;
        _damaged = node;
        Note($"damage in the log of n{node}");
        disk.FlipBit($"{LogDirectory}/{WalFormat.SegmentName(segment.Number)}", _random.Next((int)(segment.UsedBytes / 3)), _random.Next(8));
    }

    /// <summary>From both others, or from one of them.</summary>
    private void Isolate(int node)
    {
        var others = Enumerable.Range(1, Nodes).Where(n => n != node).ToList();
        if (_random.Chance(1, 3)) others.RemoveAt(_random.Next(others.Count));
        Note($"cut of n{node} from {string.Join(", ", others.Select(n => $"n{n}"))}");
        foreach (var other in others) _cluster.Network.Cut(Id(node), Id(other));
        _cluster.World.After(_random.Next(200, 4_000) * Millisecond, _cluster.Network.Heal);
    }

    private void Pause(int node)
    {
        if (!_cluster.IsRunning(node)) return;
        Note($"pause of n{node}");
        var scheduler = _cluster.SchedulerOf(node);
        scheduler.Pause();
        _cluster.World.After(_random.Next(100, 3_000) * Millisecond, scheduler.Continue);
    }

    private void Lose()
    {
        _lossPerMille = _random.Next(10, 300);
        Note($"loss of {_lossPerMille} per mille");
        _cluster.World.After(_random.Next(200, 3_000) * Millisecond, () => _lossPerMille = 0);
    }

    /// <summary>The node still hears that it leads, but nobody gets what it writes; and then it may be gone.</summary>
    private void LoseAppends(int node)
    {
        Note($"loss of what n{node} appends");
        _losesAppendsOf = node;
        var crashes = _random.Chance(1, 2);
        _cluster.World.After(_random.Next(200, 2_000) * Millisecond, () =>
        {
            _losesAppendsOf = 0;
            if (crashes) Crash(node);
        });
    }

    private void SlowDisk(int node)
    {
        if (!_cluster.IsRunning(node)) return;
        var lane = ((string[])["wal", "wal", "flush", "cold-reads-0", "compaction-0"])[_random.Next(5)];
        Note($"slow {lane} of n{node}");
        var scheduler = _cluster.SchedulerOf(node);
        scheduler.LaneDelays[lane] = _random.Next(1, lane == "wal" ? 60 : 400) * Millisecond;
        _cluster.World.After(_random.Next(500, 5_000) * Millisecond, () => scheduler.LaneDelays.Remove(lane));
    }

    /// <summary>Ends the faults, waits until the replicas are equal, and checks what the clients saw.</summary>
    private void Settle()
    {
        _lossPerMille = 0;
        _losesAppendsOf = 0;
        _crashWhenSaid = null;
        _cluster.Network.Heal();
        for (var node = 1; node <= Nodes; node++)
        {
            Restart(node);
            if (_lost.Contains(node)) continue;
            _cluster.SchedulerOf(node).LaneDelays.Clear();
            _cluster.SchedulerOf(node).Continue();
        }

        var end = _cluster.World.NowNs + (60 * Second);
        while (!HasSettled() && _cluster.World.NowNs < end && _violations.Count == 0) Advance(50 * Millisecond, askMore: false);
        if (!HasSettled()) _violations.Add($"settling: the cluster is not at rest a minute after the last fault: {Unsettled()}");
        else Check(_clients.History(Contents()));
    }

    private bool HasSettled() => _clients.AreIdle && _cluster.EveryPartitionIsLed() && Unsettled().Length == 0;

    private string Unsettled() => string.Join("; ", Enumerable.Range(0, _cluster.Topology.PartitionCount)
        .Select(i => new PartitionId((ushort)i))
        .Where(id => _cluster.Running.Select(n => n.StatusOf(id)!.Read()).Select(s => (s.LastIndex, s.Applied)).Distinct().Count() != 1)
        .Select(id => $"partition {id}: {string.Join(", ", _cluster.Running.Select(n => n.StatusOf(id)!.Read()))}"));

    private void Check(ObservedHistory history)
    {
        FastWritesCut = DurabilityCheck.CountCutFastWrites(history);
        IHistoryCheck[] checks =
        [
            new OutcomeCheck(), new AckedByCheck(_acknowledged), new DurabilityCheck(), new ConvergenceCheck(), new VersionOrderCheck(), new StalenessCheck(),
            new LinearizabilityCheck(),
        ];
        foreach (var check in checks) _violations.AddRange(check.Check(history).Select(text => $"{check.Name}: {text}"));
    }

    private List<ReplicaContent> Contents() => _cluster.Running.SelectMany(node => node.Replicas.Select(replica => ContentOf(node, replica))).ToList();

    private static ReplicaContent ContentOf(KvNode node, Partition replica)
    {
        var records = new Dictionary<string, ReplicaRecord>();
        using var scan = replica.Store.OpenScan([], [], includeOverlay: false);
        while (scan.MoveNext())
        {
            var value = System.Text.Encoding.UTF8.GetString(scan.Value);
            records.Add(System.Text.Encoding.UTF8.GetString(scan.Key), new ReplicaRecord(value, scan.Info.Revision.ToWire(), scan.Info.ExpiresAtMs, scan.Info.IsTombstone));
        }

        var applied = replica.Store.Applied;
        return new ReplicaContent(replica.Id.Value, node.Self.Value, new RecordVersion(applied.Term.Value, applied.Index.Value), records);
    }

    private void Note(string what) => _cluster.Timeline.Add($"{_cluster.World.NowNs / Millisecond} ms {what}");

    private static NodeId Id(int node) => new((ushort)node);
}

using KvStore.Core.Io;
using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using KvStore.Core.Storage.Wal;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>Carries out the faults of a plan on a cluster, and starts nodes that stopped themselves, as their service manager would.</summary>
internal sealed class Nemesis
{
    private const long NsPerMs = 1_000_000;
    private const int RestartMs = 500;

    /// <summary>How long a fault waits for what it is to follow.</summary>
    private const int WaitForWordMs = 20_000;

    /// <summary>A start that fails so often after all is healed has no fault to blame.</summary>
    private const int FailedStartsAllowed = 3;

    private readonly SimCluster _cluster;
    private readonly int _nodes;
    private readonly NetworkFaults _network;
    private readonly DiskFaults _disks;
    private readonly int[] _downReasons;
    private readonly int[] _failedStarts;
    private readonly List<ActiveFault> _active = [];
    private bool _isOver;

    public Nemesis(SimCluster cluster, int nodes)
    {
        _cluster = cluster;
        _nodes = nodes;
        _network = new NetworkFaults(cluster, nodes);
        _disks = new DiskFaults(cluster);
        _downReasons = new int[nodes + 1];
        _failedStarts = new int[nodes + 1];
        cluster.Failed = (node, cause) =>
        {
            if (!_disks.Troubled.Contains(node)) Stops.Add($"n{node} stops itself, and nothing is wrong with its disk: {cause}");
            GoDown(node, crash: false, RestartMs);
        };
        cluster.PowerCut = node => GoDown(node, crash: true, RestartMs);
    }

    /// <summary>A node's process is about to end: the last moment to look at it.</summary>
    public Action? Going { get; set; }

    /// <summary>A node's process has ended: whoever waits for it hears no more.</summary>
    public Action<int>? Gone { get; set; }

    /// <summary>A node is being cut off from others, or stands still, until a moment.</summary>
    public Action<int, long>? CutsOff { get; set; }

    public Dictionary<FaultKind, int> Counts { get; } = [];

    /// <summary>Nodes that refuse to start for ever, as they must.</summary>
    public HashSet<int> Lost { get; } = [];

    /// <summary>Nodes that stopped themselves for no reason that a fault explains.</summary>
    public List<string> Stops { get; } = [];

    /// <summary>Whether something has been done to the node's files, or to reading them.</summary>
    public bool MayFindDamage(int node) => _disks.Damaged.Contains(node);

    /// <summary>Starts that failed for no reason that a fault explains.</summary>
    public List<string> Refusals { get; } = [];

    public void Plan(IEnumerable<Fault> faults)
    {
        var start = _cluster.World.NowNs;
        foreach (var fault in faults) _cluster.World.At(start + (fault.AtMs * NsPerMs), () => Begin(fault));
    }

    /// <summary>Ends all faults and starts every node that is down.</summary>
    public void HealAll()
    {
        _isOver = true;
        foreach (var active in _active.ToList()) End(active);
        _cluster.Network.Heal();
        for (var node = 1; node <= _nodes; node++)
        {
            _downReasons[node]++;
            _cluster.DiskOf(node).PowerCutAtStep = 0;
            if (!_cluster.IsUp(node) && !Lost.Contains(node)) TryStart(node);
        }

        Say("all is healed");
    }

    private void Begin(Fault fault)
    {
        if (_isOver) return;
        Counts[fault.Kind] = Counts.GetValueOrDefault(fault.Kind) + 1;
        Say($"FAULT {fault}");
        var lastsMs = fault.Kind is FaultKind.PowerCutWhenSaid or FaultKind.PowerCutWhenAnswered ? WaitForWordMs : fault.DurationMs;
        var active = new ActiveFault(fault, _cluster.World.NowNs + (lastsMs * NsPerMs));
        _active.Add(active);
        if (fault.Kind == FaultKind.PowerCutInStart) GoDown(fault.Node, crash: false, 10);
        _network.Begin(active);
        _disks.Begin(active);
        Act(active);
        if (fault.Kind is FaultKind.Isolate or FaultKind.StuckHeart or FaultKind.Cut or FaultKind.OneWay or FaultKind.Pause) CutsOff?.Invoke(fault.Node, active.EndNs);
        _cluster.World.At(active.EndNs, () => End(active));
    }

    /// <summary>The faults of processes and their hosts.</summary>
    private void Act(ActiveFault active)
    {
        var (fault, node) = (active.Fault, active.Fault.Node);
        switch (fault.Kind)
        {
            case FaultKind.PowerCut or FaultKind.Kill:
                GoDown(node, fault.Kind == FaultKind.PowerCut, fault.DurationMs);
                break;
            case FaultKind.PowerCutOfAll:
                for (var each = 1; each <= _nodes; each++) GoDown(each, crash: true, fault.DurationMs);
                break;
            case FaultKind.KillStorm:
                KillAgain(active);
                break;
            case FaultKind.Pause when _cluster.IsUp(node):
                _cluster.SchedulerOf(node).Pause();
                break;
            case FaultKind.Leave when _cluster.IsUp(node):
                Leave(active);
                break;
            case FaultKind.WallClock:
                _cluster.ClockOf(node).WallOffsetMs += fault.Amount;
                break;
            case FaultKind.Drift:
                _cluster.ClockOf(node).DriftPpm = fault.Amount;
                break;
            case FaultKind.Flush when _cluster.IsUp(node):
                _cluster[node].Storage.RequestFlush();
                break;
            case FaultKind.LogRot or FaultKind.ManifestRot when _disks.Rotten.Count == 0:
                Rot(fault);
                break;
        }
    }

    private void End(ActiveFault active)
    {
        if (!active.TryEnd()) return;
        _active.Remove(active);
        _network.End(active);
        _disks.End(active);
        var (fault, node) = (active.Fault, active.Fault.Node);
        switch (fault.Kind)
        {
            case FaultKind.Pause when _cluster.SchedulerOf(node).Paused:
                _cluster.SchedulerOf(node).Continue();
                break;
            case FaultKind.WallClock:
                _cluster.ClockOf(node).WallOffsetMs -= fault.Amount;
                break;
            case FaultKind.Drift:
                _cluster.ClockOf(node).DriftPpm = 0;
                break;
        }

        if (fault.DurationMs > 0) Say($"end of {fault.Kind} n{node}");
    }

    private void KillAgain(ActiveFault active)
    {
        if (active.IsOver) return;
        GoDown(active.Fault.Node, crash: false, active.Fault.Amount / 4);
        _cluster.World.After(active.Fault.Amount * NsPerMs, () => KillAgain(active));
    }

    /// <summary>As an orderly stop begins: what the node leads is handed over. Then its process ends.</summary>
    private void Leave(ActiveFault active)
    {
        var (node, leaving) = (active.Fault.Node, _cluster[active.Fault.Node]);
        leaving.HandOver();
        _cluster.World.After(active.Fault.Amount * NsPerMs, () =>
        {
            if (!_isOver && _cluster.IsUp(node) && _cluster[node] == leaving) GoDown(node, crash: false, active.Fault.DurationMs);
        });
    }

    private void Rot(Fault fault)
    {
        GoDown(fault.Node, crash: true, fault.DurationMs);
        var random = new Prng((ulong)fault.Amount);
        var where = fault.Kind == FaultKind.LogRot ? _disks.RotLog(fault.Node, random) : _disks.RotManifest(fault.Node, random);
        if (where is not null) Say($"damage in {where} of n{fault.Node}");
    }

    /// <summary>A node has handed a frame to the network.</summary>
    public void OnSent(NodeId from, PeerFrame type, ReadOnlySpan<byte> body)
    {
        if (type != PeerFrame.Raft || Awaited(FaultKind.PowerCutWhenSaid, from.Value) is null) return;
        while (RaftBatch.TryTake(ref body, out _, out var bytes))
        {
            if (!RaftBatch.TryDecode(bytes, out var message, out _) || Awaited(FaultKind.PowerCutWhenSaid, from.Value, (int)message.Type) is not { } heard) continue;
            CutSoon(heard);
            return;
        }
    }

    /// <summary>A node has acknowledged a write to its client.</summary>
    public void OnAnswered(int node)
    {
        if (Awaited(FaultKind.PowerCutWhenAnswered, node) is { } heard) CutSoon(heard);
    }

    /// <param name="said">The type of a Raft message; null for whatever is awaited.</param>
    private ActiveFault? Awaited(FaultKind kind, int node, int? said = null)
    {
        foreach (var active in _active)
        {
            var fault = active.Fault;
            if (fault.Kind == kind && fault.Node == node && (said is null || fault.Amount == 0 || fault.Amount == said)) return active;
        }

        return null;
    }

    /// <summary>Before the disk has done what is under way, or just after.</summary>
    private void CutSoon(ActiveFault heard)
    {
        End(heard);
        _cluster.World.After(_cluster.World.Random.Next(100_000), () => GoDown(heard.Fault.Node, crash: true, heard.Fault.DurationMs));
    }

    private void GoDown(int node, bool crash, int forMs)
    {
        if (Lost.Contains(node)) return;
        Going?.Invoke();
        var wasUp = _cluster.IsUp(node);
        if (crash) _cluster.Crash(node);
        else if (wasUp) _cluster.Kill(node);
        if (wasUp) Gone?.Invoke(node);
        Say($"n{node} is down");
        var reason = ++_downReasons[node];
        _cluster.World.After(forMs * NsPerMs, () =>
        {
            if (reason == _downReasons[node] && !_cluster.IsUp(node)) TryStart(node);
        });
    }

    private void TryStart(int node)
    {
        _disks.Apply(node);
        try
        {
            _cluster.Restart(node);
            _disks.Apply(node);
            Say($"n{node} has started");
            _failedStarts[node] = 0;
        }
        catch (PowerCutException)
        {
            GoDown(node, crash: true, RestartMs);
        }
        catch (Exception damage) when (_disks.Rotten.Contains(node) && IsDamage(damage))
        {
            Lost.Add(node);
            Say($"n{node} refuses to start for ever: {damage.Message}");
        }
        catch (Exception refusal) when (refusal is not InvariantException)
        {
            Say($"n{node} does not start: {refusal.Message}");

            // A full disk or an I/O error is a reason; a service manager tries again and again.
            if (_isOver && ++_failedStarts[node] > FailedStartsAllowed) Refusals.Add($"n{node} does not start: {refusal}");
            else GoDown(node, crash: false, RestartMs);
        }
    }

    private static bool IsDamage(Exception failure) => failure is WalDamagedException or WalRefusedException or CorruptionException or DataMissingException;

    private void Say(string text) => _cluster.Timeline.Add($"{_cluster.World.NowNs / NsPerMs} ms {text}");
}

using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Storage.Wal;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>Carries out the faults of a plan on a cluster, and starts nodes that stopped themselves, as their service manager would.</summary>
internal sealed class Nemesis
{
    private const long NsPerMs = 1_000_000;
    private const int Eio = 5;
    private const int RestartMs = 500;
    private const int WaitForWordMs = 20_000;
    private const string LogDirectory = SimCluster.Directory + "/wal";

    /// <summary>Several batches: the last one alone could not be told from one that was not synced.</summary>
    private const long LeastRottenBytes = 96 << 10;

    private readonly SimCluster _cluster;
    private readonly int _nodes;
    private readonly int[] _downReasons;
    private readonly int[] _failedStarts;
    private readonly HashSet<Fault> _active = [];
    private readonly HashSet<int> _rottenLogs = [];
    private bool _over;

    public Nemesis(SimCluster cluster, int nodes)
    {
        _cluster = cluster;
        _nodes = nodes;
        _downReasons = new int[nodes + 1];
        _failedStarts = new int[nodes + 1];
        cluster.Failed = (node, _) => GoDown(node, crash: false, RestartMs);
        cluster.PowerCut = node => GoDown(node, crash: true, RestartMs);
        cluster.Network.IsLost = (_, _, _) => _active.Any(f => f.Kind == FaultKind.Loss && cluster.World.Random.Chance(1, f.Amount));
        cluster.Network.Delay = (from, to) => _active.Where(f => f.Kind == FaultKind.SlowLink && (f.Node == from.Value || f.Node == to.Value)).Sum(f => f.Amount * NsPerMs)
            + (_active.Where(f => f.Kind == FaultKind.OneWay && f.Node == from.Value && f.Other == to.Value).Select(EndNs).DefaultIfEmpty(0).Max() is var end and > 0 ? end - cluster.World.NowNs : 0);
    }

    /// <summary>A node's process is about to end: the last moment to look at it.</summary>
    public Action? Going { get; set; }

    /// <summary>A node's process has ended: whoever waits for it hears no more.</summary>
    public Action<int>? Gone { get; set; }

    public Dictionary<FaultKind, int> Counts { get; } = [];

    /// <summary>Nodes that refuse to start for ever, as they must.</summary>
    public HashSet<int> Lost { get; } = [];

    /// <summary>Starts that failed for no reason that a fault explains.</summary>
    public List<string> Refusals { get; } = [];

    private readonly Dictionary<Fault, long> _endsNs = [];

    public void Plan(IEnumerable<Fault> faults)
    {
        var start = _cluster.World.NowNs;
        foreach (var fault in faults) _cluster.World.At(start + (fault.AtMs * NsPerMs), () => Begin(fault));
    }

    /// <summary>Ends all faults and starts every node that is down.</summary>
    public void HealAll()
    {
        _over = true;
        foreach (var fault in _active.OrderBy(f => f.AtMs).ToList()) End(fault);
        _cluster.Network.Heal();
        for (var node = 1; node <= _nodes; node++)
        {
            _downReasons[node] = 0;
            Calm(node);
            if (!_cluster.IsUp(node) && !Lost.Contains(node)) TryStart(node);
        }

        Say("all is healed");
    }

    private void Begin(Fault fault)
    {
        if (_over) return;
        Counts[fault.Kind] = Counts.GetValueOrDefault(fault.Kind) + 1;
        Say($"FAULT {fault}");
        _active.Add(fault);
        var lastsMs = fault.Kind is FaultKind.PowerCutWhenSaid or FaultKind.PowerCutWhenAnswered ? WaitForWordMs : fault.DurationMs;
        _endsNs[fault] = _cluster.World.NowNs + (lastsMs * NsPerMs);
        Act(fault);
        _cluster.World.At(_endsNs[fault], () => End(fault));
    }

    private long EndNs(Fault fault) => _endsNs[fault];

    private void Act(Fault fault)
    {
        var (node, isUp) = (fault.Node, _cluster.IsUp(fault.Node));
        switch (fault.Kind)
        {
            case FaultKind.PowerCut or FaultKind.Kill:
                GoDown(node, fault.Kind == FaultKind.PowerCut, fault.DurationMs);
                break;
            case FaultKind.PowerCutOfAll:
                for (var each = 1; each <= _nodes; each++) GoDown(each, crash: true, fault.DurationMs);
                break;
            case FaultKind.PowerCutInCall when isUp:
                _cluster.DiskOf(node).PowerCutAtStep = _cluster.DiskOf(node).Steps + fault.Amount;
                break;
            case FaultKind.PowerCutInStart:
                GoDown(node, crash: false, 10);
                _cluster.DiskOf(node).PowerCutAtStep = _cluster.DiskOf(node).Steps + fault.Amount;
                break;
            case FaultKind.Pause when isUp:
                _cluster.SchedulerOf(node).Pause();
                break;
            case FaultKind.WallClock:
                _cluster.ClockOf(node).WallOffsetMs += fault.Amount;
                break;
            case FaultKind.Drift:
                _cluster.ClockOf(node).DriftPpm = fault.Amount;
                break;
            case FaultKind.Isolate or FaultKind.StuckHeart:
                foreach (var other in Others(node)) _cluster.Network.Cut(Id(node), Id(other));
                if (fault.Kind == FaultKind.StuckHeart && isUp) _cluster.SchedulerOf(node).IsHeld = lane => lane == "heartbeat";
                break;
            case FaultKind.Cut:
                _cluster.Network.Cut(Id(node), Id(fault.Other));
                break;
            case FaultKind.Flap:
                Flap(fault, cut: true);
                break;
            case FaultKind.SlowDisk when isUp:
                foreach (var lane in DiskLanes) _cluster.SchedulerOf(node).LaneDelays[lane] = fault.Amount * NsPerMs;
                break;
            case FaultKind.HungDisk when isUp:
                _cluster.SchedulerOf(node).IsHeld = DiskLanes.Contains;
                break;
            case FaultKind.FullDisk:
                _cluster.DiskOf(node).CapacityBytes = _cluster.DiskOf(node).UsedBytes + ((long)fault.Amount << 10);
                break;
            case FaultKind.WriteError or FaultKind.SyncError:
                FailOnce(_cluster.DiskOf(node), fault);
                break;
            case FaultKind.BitRot:
                RotTable(_cluster.DiskOf(node), new Prng((ulong)fault.Amount));
                break;
            case FaultKind.LogRot when _rottenLogs.Count == 0:
                GoDown(node, crash: true, fault.DurationMs);
                RotLog(node, new Prng((ulong)fault.Amount));
                break;
        }
    }

    private static readonly string[] DiskLanes = ["wal", "wal-supply", "flush", "compaction-0", "compaction-1", "cold-reads-0", "cold-reads-1", "catch-up"];

    private void End(Fault fault)
    {
        if (!_active.Remove(fault)) return;
        _endsNs.Remove(fault);
        var node = fault.Node;
        switch (fault.Kind)
        {
            case FaultKind.Pause or FaultKind.SlowDisk or FaultKind.HungDisk or FaultKind.FullDisk or FaultKind.WriteError or FaultKind.SyncError or FaultKind.PowerCutInCall:
                Calm(node);
                break;
            case FaultKind.WallClock:
                _cluster.ClockOf(node).WallOffsetMs -= fault.Amount;
                break;
            case FaultKind.Drift:
                _cluster.ClockOf(node).DriftPpm = 0;
                break;
            case FaultKind.Isolate or FaultKind.StuckHeart:
                foreach (var other in Others(node)) _cluster.Network.Mend(Id(node), Id(other));
                if (fault.Kind == FaultKind.StuckHeart) Calm(node);
                break;
            case FaultKind.Cut:
                _cluster.Network.Mend(Id(node), Id(fault.Other));
                break;
            default:
                return;
        }

        Say($"end of {fault.Kind} n{node}");
    }

    /// <summary>Ends what a node and its disk suffer from.</summary>
    private void Calm(int node)
    {
        var (scheduler, disk) = (_cluster.SchedulerOf(node), _cluster.DiskOf(node));
        scheduler.LaneDelays.Clear();
        scheduler.IsHeld = _ => false;
        if (scheduler.Paused) scheduler.Continue();
        disk.CapacityBytes = long.MaxValue;
        disk.PowerCutAtStep = 0;
        disk.Fault = null;
    }

    private void Flap(Fault fault, bool cut)
    {
        if (cut && !_active.Contains(fault)) return;
        if (cut) _cluster.Network.Cut(Id(fault.Node), Id(fault.Other));
        else _cluster.Network.Mend(Id(fault.Node), Id(fault.Other));
        _cluster.World.After(fault.Amount * NsPerMs, () => Flap(fault, !cut));
    }

    private static void FailOnce(SimDisk disk, Fault fault)
    {
        var wanted = fault.Kind == FaultKind.WriteError ? DiskCall.Write : DiskCall.DataSync;
        var left = fault.Amount;
        disk.Fault = (call, _, _) => call == wanted && --left == 0 ? Eio : 0;
    }

    /// <summary>A node has handed a frame to the network.</summary>
    public void OnSent(NodeId from, PeerFrame type, ReadOnlySpan<byte> body)
    {
        if (type != PeerFrame.Raft || !Awaits(FaultKind.PowerCutWhenSaid, from.Value)) return;
        while (RaftBatch.TryTake(ref body, out _, out var bytes))
        {
            if (!RaftBatch.TryDecode(bytes, out var message, out _)) continue;
            var heard = _active.Where(f => f.Kind == FaultKind.PowerCutWhenSaid && f.Node == from.Value && (f.Amount == 0 || f.Amount == (int)message.Type)).ToList();
            if (heard.Count == 0) continue;
            CutSoon(heard[0]);
            return;
        }
    }

    /// <summary>A node has answered a client.</summary>
    public void OnAnswered(int node)
    {
        if (Awaits(FaultKind.PowerCutWhenAnswered, node)) CutSoon(_active.First(f => f.Kind == FaultKind.PowerCutWhenAnswered && f.Node == node));
    }

    private bool Awaits(FaultKind kind, int node)
    {
        foreach (var fault in _active)
            if (fault.Kind == kind && fault.Node == node) return true;
        return false;
    }

    /// <summary>Before the disk has done what is under way, or just after.</summary>
    private void CutSoon(Fault fault)
    {
        _active.Remove(fault);
        _cluster.World.After(_cluster.World.Random.Next(100_000), () => GoDown(fault.Node, crash: true, fault.DurationMs));
    }

    private void RotLog(int node, Prng random)
    {
        var disk = _cluster.DiskOf(node);
        if (WalInspection.Inspect(disk, LogDirectory).Segments is not { Count: > 0 } segments || segments[^1].UsedBytes < LeastRottenBytes) return;
        _rottenLogs.Add(node);
        Say($"damage in the log of n{node}");
        disk.FlipBit($"{LogDirectory}/{WalFormat.SegmentName(segments[^1].Number)}", random.Next((int)(segments[^1].UsedBytes / 3)), random.Next(8));
    }

    private static void RotTable(SimDisk disk, Prng random)
    {
        var tables = disk.List($"{SimCluster.Directory}/store").Where(name => name.EndsWith(".sst", StringComparison.Ordinal)).ToList();
        if (tables.Count == 0) return;
        var path = $"{SimCluster.Directory}/store/{tables[random.Next(tables.Count)]}";
        if (disk.Content(path).Length is var length and > 0) disk.FlipBit(path, random.Next(length), random.Next(8));
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
        try
        {
            _cluster.Restart(node);
            Say($"n{node} has started");
            _failedStarts[node] = 0;
        }
        catch (PowerCutException)
        {
            GoDown(node, crash: true, RestartMs);
        }
        catch (Exception damage) when (damage is WalDamagedException or WalRefusedException && _rottenLogs.Contains(node))
        {
            Lost.Add(node);
            Say($"n{node} refuses to start for ever: {damage.Message}");
        }
        catch (Exception refusal) when (refusal is not InvariantException)
        {
            Say($"n{node} does not start: {refusal.Message}");

            // A full disk or an I/O error is a reason; a service manager tries again and again.
            if (++_failedStarts[node] > 3 && _over) Refusals.Add($"n{node} does not start: {refusal}");
            else GoDown(node, crash: false, RestartMs);
        }
    }

    private IEnumerable<int> Others(int node) => Enumerable.Range(1, _nodes).Where(n => n != node);

    private static NodeId Id(int node) => new((ushort)node);

    private void Say(string text) => _cluster.Timeline.Add($"{_cluster.World.NowNs / NsPerMs} ms {text}");
}

using KvStore.Core.Primitives;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>
/// The faults of the nodes' disks, and whatever else keeps lanes from their work: which of them are on, and what they do to each node.
/// They outlast restarts.
/// </summary>
internal sealed class DiskFaults(SimCluster cluster)
{
    private const long NsPerMs = 1_000_000;
    private const int Eio = 5;
    private const string StoreDirectory = SimCluster.Directory + "/store";
    private const string LogDirectory = SimCluster.Directory + "/wal";

    private const string HeartbeatLane = "heartbeat";
    private static readonly string[] Lanes = ["wal", "wal-supply", "flush", "compaction-0", "compaction-1", "cold-reads-0", "cold-reads-1", "catch-up"];
    private readonly List<Trouble> _active = [];

    /// <summary>A fault of a disk, and what is left of it.</summary>
    private sealed class Trouble(ActiveFault active, long capacityBytes)
    {
        public ActiveFault Active { get; } = active;

        public Fault Fault => Active.Fault;

        public long CapacityBytes { get; } = capacityBytes;

        /// <summary>Calls until the one that fails.</summary>
        public int Left { get; set; } = active.Fault.Amount;

        public bool Holds(string lane) => Fault.Kind switch
        {
            FaultKind.HungDisk => Lanes.Contains(lane),
            FaultKind.StuckHeart => lane == HeartbeatLane,
            _ => false,
        };

        public bool Fails(DiskCall call) => Fault.Kind switch
        {
            FaultKind.DeadDisk => true,
            FaultKind.WriteError => call == DiskCall.Write && --Left == 0,
            FaultKind.SyncError => call is DiskCall.DataSync or DiskCall.SyncDirectory && --Left == 0,
            FaultKind.ReadError => call == DiskCall.Read && --Left == 0,
            _ => false,
        };
    }

    /// <summary>Nodes in whose log or manifest a bit has changed: these may refuse to start.</summary>
    public HashSet<int> Rotten { get; } = [];

    /// <summary>Nodes whose disk has refused something, or had reason to: these may stop themselves.</summary>
    public HashSet<int> Troubled { get; } = [];

    /// <summary>Nodes that may find damage.</summary>
    public HashSet<int> Damaged { get; } = [];

    /// <summary>Does nothing if the fault is not one of these.</summary>
    public void Begin(ActiveFault active)
    {
        var (fault, disk) = (active.Fault, cluster.DiskOf(active.Fault.Node));
        var damages = fault.Kind is FaultKind.BitRot or FaultKind.ReadError or FaultKind.DeadDisk or FaultKind.LogRot or FaultKind.ManifestRot;
        if (damages) Damaged.Add(fault.Node);
        if (damages || fault.Kind is FaultKind.FullDisk or FaultKind.WriteError or FaultKind.SyncError) Troubled.Add(fault.Node);
        switch (fault.Kind)
        {
            case FaultKind.BitRot:
                RotTable(disk, new Prng((ulong)fault.Amount));
                break;
            case FaultKind.PowerCutInCall or FaultKind.PowerCutInStart:
                disk.PowerCutAtStep = disk.Steps + fault.Amount;
                break;
            case FaultKind.StuckHeart or FaultKind.SlowDisk or FaultKind.HungDisk or FaultKind.FullDisk or FaultKind.WriteError or FaultKind.SyncError or FaultKind.ReadError or FaultKind.DeadDisk:
                _active.Add(new Trouble(active, fault.Kind == FaultKind.FullDisk ? disk.UsedBytes + ((long)fault.Amount << 10) : long.MaxValue));
                Apply(fault.Node);
                break;
        }
    }

    public void End(ActiveFault active)
    {
        if (_active.RemoveAll(trouble => trouble.Active == active) > 0) Apply(active.Fault.Node);
        if (active.Fault.Kind == FaultKind.PowerCutInCall) cluster.DiskOf(active.Fault.Node).PowerCutAtStep = 0;
    }

    /// <summary>Makes the node suffer from what is on, no more and no less: after a change, and before a start.</summary>
    public void Apply(int node)
    {
        var troubles = _active.Where(trouble => trouble.Fault.Node == node).ToList();
        var disk = cluster.DiskOf(node);
        disk.CapacityBytes = troubles.Select(trouble => trouble.CapacityBytes).DefaultIfEmpty(long.MaxValue).Min();
        disk.Fault = troubles.Count == 0 ? null : (call, _, _) => troubles.Any(trouble => trouble.Fails(call)) ? Eio : 0;
        if (!cluster.IsUp(node)) return;
        var scheduler = cluster.SchedulerOf(node);
        scheduler.LaneDelays.Clear();
        foreach (var slow in troubles.Where(trouble => trouble.Fault.Kind == FaultKind.SlowDisk))
            foreach (var lane in Lanes) scheduler.LaneDelays[lane] = scheduler.LaneDelays.GetValueOrDefault(lane) + (slow.Fault.Amount * NsPerMs);
        scheduler.IsHeld = lane => troubles.Exists(trouble => trouble.Holds(lane));
    }

    /// <summary>Changes a bit in the log of a node that is down, in a batch that is known to have been durable.</summary>
    /// <returns>Where; null if there is none.</returns>
    public string? RotLog(int node, Prng random)
    {
        var disk = cluster.DiskOf(node);
        var batches = DurableBatches.Of(disk.Clone(), LogDirectory);
        if (batches.Count == 0) return null;
        var (path, offset, bytes) = batches[random.Next(batches.Count)];
        disk.FlipBit(path, offset + random.Next(bytes), random.Next(8));
        Rotten.Add(node);
        return $"{Path.GetFileName(path)} at offset {offset}";
    }

    /// <summary>Changes a bit in the manifest, or in the file that names it, of a node that is down.</summary>
    /// <returns>Where; null if there is none.</returns>
    public string? RotManifest(int node, Prng random)
    {
        var disk = cluster.DiskOf(node);
        var files = FilesOf(disk, name => !name.EndsWith(".sst", StringComparison.Ordinal));
        if (files.Count == 0) return null;
        var path = files[random.Next(files.Count)];
        disk.FlipBit(path, random.Next(disk.Content(path).Length), random.Next(8));
        Rotten.Add(node);
        return Path.GetFileName(path);
    }

    private static void RotTable(SimDisk disk, Prng random)
    {
        var tables = FilesOf(disk, name => name.EndsWith(".sst", StringComparison.Ordinal));
        if (tables.Count == 0) return;
        var path = tables[random.Next(tables.Count)];
        disk.FlipBit(path, random.Next(disk.Content(path).Length), random.Next(8));
    }

    /// <summary>Looked up in a copy, for which no call fails and none is counted.</summary>
    private static List<string> FilesOf(SimDisk disk, Func<string, bool> isWanted) =>
        [.. disk.Clone().List(StoreDirectory).Where(isWanted).Select(name => $"{StoreDirectory}/{name}").Where(path => disk.Content(path).Length > 0)];
}

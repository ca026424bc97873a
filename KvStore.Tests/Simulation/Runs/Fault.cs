using System.Globalization;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>What goes wrong.</summary>
internal enum FaultKind
{
    /// <summary>Power cut of a node; it starts again at the end.</summary>
    PowerCut,

    /// <summary>Power cut of all nodes at once.</summary>
    PowerCutOfAll,

    /// <summary>The power goes off in the middle of an I/O call, <see cref="Fault.Amount"/> calls from now.</summary>
    PowerCutInCall,

    /// <summary>The node is killed and started at once, and the power goes off in the middle of its start, <see cref="Fault.Amount"/> calls into it.</summary>
    PowerCutInStart,

    /// <summary>The power goes off just after the node has said something: then it has most to lose. <see cref="Fault.Amount"/> is the type of the Raft message, 0 for any.</summary>
    PowerCutWhenSaid,

    /// <summary>The power goes off just after the node has acknowledged a write to its client.</summary>
    PowerCutWhenAnswered,

    /// <summary>kill -9: nothing that was written is lost.</summary>
    Kill,

    /// <summary>The same every <see cref="Fault.Amount"/> ms; the node is up for three quarters of that.</summary>
    KillStorm,

    /// <summary>The node hands over what it leads, as before an orderly stop, and is killed <see cref="Fault.Amount"/> ms later.</summary>
    Leave,

    /// <summary>SIGSTOP, and SIGCONT at the end.</summary>
    Pause,

    /// <summary>The wall clock is off by <see cref="Fault.Amount"/> ms until the end.</summary>
    WallClock,

    /// <summary>The node's time runs faster or slower by <see cref="Fault.Amount"/> millionths.</summary>
    Drift,

    /// <summary>A node hears and is heard by nobody.</summary>
    Isolate,

    /// <summary>A node's heartbeats stand still and nobody reaches it; for the rest it works on, and clients reach it.</summary>
    StuckHeart,

    /// <summary>Two groups that do not reach each other: bit n of <see cref="Fault.Amount"/> says in which node n is.</summary>
    Split,

    /// <summary>Two nodes do not reach each other; others reach both.</summary>
    Cut,

    /// <summary>The same, broken and mended every <see cref="Fault.Amount"/> ms.</summary>
    Flap,

    /// <summary>What the first node sends to the other arrives only at the end.</summary>
    OneWay,

    /// <summary>One of <see cref="Fault.Amount"/> frames is lost, wherever it goes.</summary>
    Loss,

    /// <summary>One of <see cref="Fault.Amount"/> frames of the consensus arrives once more, later.</summary>
    Repeat,

    /// <summary>Everything to and from a node takes <see cref="Fault.Amount"/> ms longer.</summary>
    SlowLink,

    /// <summary>The same on one lane only, <see cref="Fault.Other"/>: what was sent later on another comes first.</summary>
    SlowLane,

    /// <summary>A node's links carry <see cref="Fault.Amount"/> KiB in a second.</summary>
    Narrow,

    /// <summary>Each piece of work of the node's disk takes <see cref="Fault.Amount"/> ms longer.</summary>
    SlowDisk,

    /// <summary>The disk answers nobody until the end.</summary>
    HungDisk,

    /// <summary>The disk has <see cref="Fault.Amount"/> KiB left.</summary>
    FullDisk,

    /// <summary>A write fails once, <see cref="Fault.Amount"/> writes from now.</summary>
    WriteError,

    /// <summary>The same of a sync.</summary>
    SyncError,

    /// <summary>The same of a read.</summary>
    ReadError,

    /// <summary>Every call fails until the end.</summary>
    DeadDisk,

    /// <summary>No fault, but it moves everything that is in memory to tables.</summary>
    Flush,

    /// <summary>A bit of a table changes.</summary>
    BitRot,

    /// <summary>
    /// A bit of the log changes while the node is down, well before the log's end, so that what is behind tells that it was durable. The
    /// node must not start any more, for it would have forgotten what it told.
    /// </summary>
    LogRot,

    /// <summary>The same of the manifest, or of the file that names it; wherever it changes, the node must not start on less than it had.</summary>
    ManifestRot,
}

/// <summary>One fault of a plan.</summary>
/// <param name="AtMs">Milliseconds after the beginning of the run.</param>
/// <param name="DurationMs">How long it lasts.</param>
/// <param name="Node">From 1.</param>
/// <param name="Other">The second node, where there is one, or the lane.</param>
/// <param name="Amount">See <see cref="FaultKind"/>.</param>
internal readonly record struct Fault(int AtMs, int DurationMs, FaultKind Kind, int Node, int Other = 0, int Amount = 0)
{
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{AtMs} ms, for {DurationMs} ms: {Kind} n{Node}{(Other == 0 ? "" : $" n{Other}")}{(Amount == 0 ? "" : $" ({Amount})")}");
}

using System.Globalization;

namespace KvStore.Tests.Chaos.Runs;

/// <summary>What goes wrong.</summary>
internal enum ChaosFaultKind
{
    /// <summary>kill -9 of a node; it starts again at the end.</summary>
    Kill,

    /// <summary>The same of the node that leads most partitions.</summary>
    KillPrimary,

    /// <summary>kill -9 of two nodes at once.</summary>
    KillTwo,

    /// <summary>kill -9 of all nodes at once.</summary>
    KillAll,

    /// <summary>kill -9 and start at once, one node after the other, every <see cref="ChaosFault.Amount"/> ms.</summary>
    RestartStorm,

    /// <summary>SIGTERM and start.</summary>
    Restart,

    /// <summary>SIGSTOP, and SIGCONT at the end.</summary>
    Pause,

    /// <summary>The same of the node that leads most partitions.</summary>
    PausePrimary,

    /// <summary>A node hears and is heard by nobody, clients included.</summary>
    Isolate,

    /// <summary>A node hears and is heard by no other node; clients still reach it.</summary>
    IsolateFromPeers,

    /// <summary>No other node hears a node.</summary>
    Mute,

    /// <summary>A node hears no other node.</summary>
    Deafen,

    /// <summary>Two nodes do not reach each other; others reach both.</summary>
    Bridge,

    /// <summary>The two who lead most fall out with each other and are mended, every <see cref="ChaosFault.Amount"/> ms.</summary>
    Flap,

    /// <summary>Every packet is late by 50 to 150 ms, on every link.</summary>
    Delay,

    /// <summary>Of a thousand packets <see cref="ChaosFault.Amount"/> are lost, on every link.</summary>
    Loss,

    /// <summary>Packets overtake each other and some arrive twice.</summary>
    Disorder,

    /// <summary>A node receives 1 Mbit/s.</summary>
    SlowLink,

    /// <summary>The disk of a node has <see cref="ChaosFault.Amount"/> MiB left.</summary>
    DiskFull,

    /// <summary>The disks of all nodes.</summary>
    DiskFullOnAll,

    /// <summary>The wall clock of a node is off by <see cref="ChaosFault.Amount"/> ms.</summary>
    WallClock,
}

/// <summary>One fault.</summary>
/// <param name="Node">From 1; or <see cref="WhoLeadsMost"/> when it begins.</param>
/// <param name="Other">The second node, of kinds that need one.</param>
/// <param name="Amount">See <see cref="ChaosFaultKind"/>.</param>
internal readonly record struct ChaosFault(ChaosFaultKind Kind, int DurationMs, int Node, int Other, int Amount = 0)
{
    public const int WhoLeadsMost = 0;

    public bool IsOfOneNode => Kind is ChaosFaultKind.Kill or ChaosFaultKind.Restart or ChaosFaultKind.Pause or ChaosFaultKind.Isolate or ChaosFaultKind.IsolateFromPeers
        or ChaosFaultKind.Mute or ChaosFaultKind.Deafen or ChaosFaultKind.SlowLink or ChaosFaultKind.DiskFull or ChaosFaultKind.WallClock;

    /// <summary>Lower case, with dashes.</summary>
    public static string NameOf(ChaosFaultKind kind) =>
        string.Concat(kind.ToString().Select((c, i) => char.IsUpper(c) ? $"{(i > 0 ? "-" : "")}{char.ToLowerInvariant(c)}" : $"{c}"));

    public override string ToString()
    {
        var who = Kind switch
        {
            ChaosFaultKind.KillAll or ChaosFaultKind.RestartStorm or ChaosFaultKind.Delay or ChaosFaultKind.Loss or ChaosFaultKind.Disorder or ChaosFaultKind.DiskFullOnAll => "",
            ChaosFaultKind.KillPrimary or ChaosFaultKind.PausePrimary => "",
            ChaosFaultKind.KillTwo or ChaosFaultKind.Bridge or ChaosFaultKind.Flap => $" n{Node} n{Other}",
            _ => $" n{Node}",
        };
        var amount = Amount == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $" ({Amount})");
        return string.Create(CultureInfo.InvariantCulture, $"{NameOf(Kind)}{who}{amount} for {DurationMs / 1000.0:F1} s");
    }
}

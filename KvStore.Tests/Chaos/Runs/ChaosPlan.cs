using KvStore.Core.Primitives;

namespace KvStore.Tests.Chaos.Runs;

/// <summary>
/// Draws fault after fault. Kinds come as cards from a shuffled pack, so that each comes once before any comes twice. The seed decides them;
/// what the cluster makes of them is not in its hand.
/// </summary>
/// <param name="inOrder">The kinds come as they are given, one at a time, again and again.</param>
internal sealed class ChaosPlan(IReadOnlyList<ChaosFaultKind> kinds, bool inOrder, int nodes, Prng random)
{
    private readonly Stack<ChaosFaultKind> _pack = new();

    /// <summary>Usually one; sometimes two that are on at the same time.</summary>
    public ChaosFault[] Next() => kinds.Count > 1 && !inOrder && random.Chance(1, 6) ? [Draw(), Draw()] : [Draw()];

    /// <summary>How long all is well before the next.</summary>
    public int NextPauseMs() => random.Next(1_000, 4_000);

    private ChaosFault Draw()
    {
        if (_pack.Count == 0) Fill();
        var kind = _pack.Pop();
        var node = 1 + random.Next(nodes);
        var other = 1 + ((node + random.Next(nodes - 1)) % nodes);
        var fault = new ChaosFault(kind, random.Next(2_000, 10_000), node, other);
        return kind switch
        {
            ChaosFaultKind.Kill or ChaosFaultKind.KillPrimary => fault with { DurationMs = random.Chance(1, 3) ? random.Next(50, 1_000) : fault.DurationMs },
            ChaosFaultKind.KillTwo or ChaosFaultKind.KillAll => fault with { DurationMs = random.Next(50, 4_000) },
            ChaosFaultKind.Restart => fault with { DurationMs = 0 },
            ChaosFaultKind.RestartStorm => fault with { DurationMs = random.Next(8_000, 20_000), Amount = random.Next(1_000, 5_000) },
            ChaosFaultKind.Pause or ChaosFaultKind.PausePrimary => fault with { DurationMs = random.Next(6) switch { 0 => 30_000, < 3 => random.Next(100, 1_500), _ => fault.DurationMs } },
            ChaosFaultKind.Flap => fault with { DurationMs = random.Next(8_000, 20_000), Amount = random.Next(300, 2_000) },
            ChaosFaultKind.Loss => fault with { Amount = random.Next(20, 200) },
            ChaosFaultKind.DiskFull or ChaosFaultKind.DiskFullOnAll => fault with { Amount = random.Chance(1, 2) ? 0 : random.Next(1, 240), DurationMs = random.Next(4_000, 12_000) },
            ChaosFaultKind.Isolate or ChaosFaultKind.IsolateFromPeers or ChaosFaultKind.Mute or ChaosFaultKind.Deafen =>
                fault with { Node = random.Chance(2, 3) ? ChaosFault.WhoLeadsMost : node },
            ChaosFaultKind.WallClock => fault with { Amount = (random.Chance(1, 2) ? 1 : -1) * random.Next(1_000, 3_600_000) },
            _ => fault,
        };
    }

    /// <summary>Fisher and Yates.</summary>
    private void Fill()
    {
        var pack = kinds.Reverse().ToArray();
        for (var i = pack.Length - 1; i > 0 && !inOrder; i--)
        {
            var j = random.Next(i + 1);
            (pack[i], pack[j]) = (pack[j], pack[i]);
        }

        foreach (var kind in pack) _pack.Push(kind);
    }
}

using System.Collections.Immutable;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>Draws the faults of a run: a list of values, so that one can be left out to see whether it matters.</summary>
internal static class FaultPlan
{
    private static readonly int[] SayWhat = [0, (int)RaftMessageType.Vote, (int)RaftMessageType.VoteReply, (int)RaftMessageType.AppendReply];

    /// <param name="random">Its own, so that the clients' plan stays the same whatever faults there are.</param>
    /// <param name="nodes">How many there are.</param>
    /// <param name="durationMs">Of the run.</param>
    public static ImmutableArray<Fault> Draw(Prng random, int nodes, int durationMs)
    {
        var kinds = Enum.GetValues<FaultKind>().Where(_ => random.Chance(1, 5)).ToList();
        if (kinds.Count == 0 && random.Chance(9, 10)) kinds.Add((FaultKind)random.Next(Enum.GetValues<FaultKind>().Length));
        var faults = ImmutableArray.CreateBuilder<Fault>();
        if (kinds.Count == 0) return [];
        var gapMs = random.Next(500, 8_000);
        var rotten = 1 + random.Next(nodes);
        for (var atMs = random.Next(gapMs); atMs < durationMs; atMs += random.Next(50, 2 * gapMs))
            faults.Add(DrawOne(random, kinds[random.Next(kinds.Count)], atMs, nodes, rotten));
        return faults.ToImmutable();
    }

    private static Fault DrawOne(Prng random, FaultKind kind, int atMs, int nodes, int rotten)
    {
        var node = 1 + random.Next(nodes);
        var other = 1 + ((node + random.Next(nodes - 1)) % nodes);
        var durationMs = random.Chance(1, 4) ? random.Next(3_000, 15_000) : random.Next(20, 3_000);
        var fault = new Fault(atMs, durationMs, kind, node);
        return kind switch
        {
            FaultKind.PowerCutInCall => fault with { Amount = random.Next(1, 200) },
            FaultKind.PowerCutInStart => fault with { Amount = random.Next(1, 120) },
            FaultKind.PowerCutWhenSaid => fault with { Amount = SayWhat[random.Next(SayWhat.Length)] },
            FaultKind.WallClock => fault with { Amount = (random.Chance(1, 2) ? 1 : -1) * random.Next(1, 3_600_000) },
            FaultKind.Drift => fault with { Amount = random.Next(2_000) - 1_000 },
            FaultKind.Cut or FaultKind.OneWay => fault with { Other = other },
            FaultKind.Flap => fault with { Other = other, DurationMs = random.Next(2_000, 20_000), Amount = random.Next(200, 2_000) },
            FaultKind.Loss => fault with { Amount = random.Next(5, 100) },
            FaultKind.Split => fault with { Amount = random.Next(1, 1 << (nodes - 1)) << 1 },
            FaultKind.Repeat => fault with { Amount = random.Next(2, 50) },
            FaultKind.SlowLink => fault with { Amount = random.Next(5, 400) },
            FaultKind.SlowLane => fault with { Other = random.Next(1, 4), Amount = random.Next(5, 2_000) },
            FaultKind.Narrow => fault with { Amount = random.Next(8, 500) },
            FaultKind.KillStorm => fault with { DurationMs = random.Next(2_000, 20_000), Amount = random.Next(200, 4_000) },
            FaultKind.Leave => fault with { Amount = random.Next(1, 1_000) },
            FaultKind.SlowDisk => fault with { Amount = random.Next(2, 600) },
            FaultKind.FullDisk => fault with { Amount = random.Chance(1, 2) ? random.Next(4_000) : random.Next(200_000) },
            FaultKind.WriteError => fault with { Amount = random.Next(1, 200) },
            FaultKind.SyncError => fault with { Amount = random.Next(1, 100) },
            FaultKind.ReadError => fault with { Amount = random.Next(1, 50) },

            // What one replica loses the others have; with more than one rotten disk something may be lost for good.
            FaultKind.BitRot or FaultKind.LogRot or FaultKind.ManifestRot => fault with { Node = rotten, Amount = random.Next(int.MaxValue) },
            _ => fault,
        };
    }
}

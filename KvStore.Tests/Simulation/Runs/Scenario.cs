using System.Collections.Immutable;
using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>
/// Everything that is chosen before a run, a pure function of its seed. Each scenario leaves some operations and most kinds of fault out:
/// what is rare when everything is mixed is common in some of them (Groce et al., "Swarm Testing", ISSTA 2012).
/// </summary>
internal sealed record Scenario
{
    public required ulong Seed { get; init; }

    public required int DurationMs { get; init; }

    public required int Nodes { get; init; }

    public required int Partitions { get; init; }

    public required NodeOptions Options { get; init; }

    public required long MinDelayNs { get; init; }

    public required long JitterNs { get; init; }

    public required int Clients { get; init; }

    /// <summary>A client waits up to twice as long between an answer and its next request.</summary>
    public required int ThinkMs { get; init; }

    /// <summary>Of each class of keys.</summary>
    public required int Keys { get; init; }

    /// <summary>Values are up to this long.</summary>
    public required int ValueBytes { get; init; }

    public required ImmutableArray<Operation> Operations { get; init; }

    public required ImmutableArray<Fault> Faults { get; init; }

    /// <param name="seed">Everything follows from it.</param>
    /// <param name="durationMs">How long clients and faults go on, in simulated time.</param>
    /// <param name="only">Which of the faults are left, see <see cref="FaultChoice"/>; null for all.</param>
    /// <exception cref="FormatException"><paramref name="only"/> does not fit the plan.</exception>
    public static Scenario Draw(ulong seed, int durationMs, string? only)
    {
        var scenario = Draw(seed, durationMs);
        if (only is null) return scenario;
        return FaultChoice.TryApply(scenario.Faults, only, out var left)
            ? scenario with { Faults = left }
            : throw new FormatException($"the plan of seed {seed} has {scenario.Faults.Length} faults: '{only}' does not choose among them");
    }

    /// <param name="seed">Everything follows from it.</param>
    /// <param name="durationMs">How long clients and faults go on, in simulated time.</param>
    public static Scenario Draw(ulong seed, int durationMs)
    {
        var random = new Prng(seed);
        var nodes = random.Chance(3, 4) ? 3 : 4 + random.Next(2);
        return new Scenario
        {
            Seed = seed,
            DurationMs = durationMs,
            Nodes = nodes,
            Partitions = random.Chance(3, 4) ? 16 : 32,
            Options = DrawOptions(random),
            MinDelayNs = 20_000,
            JitterNs = random.Chance(1, 4) ? 20_000_000 : 300_000,
            Clients = 2 + random.Next(8),
            ThinkMs = random.Chance(1, 8) ? 5 : 20 + random.Next(200),
            Keys = random.Chance(1, 3) ? 1 + random.Next(3) : 4 + random.Next(30),
            ValueBytes = random.Chance(1, 3) ? 16_000 : 40,
            Operations = DrawOperations(random),
            Faults = FaultPlan.Draw(random.Fork(), nodes, durationMs),
        };
    }

    private static NodeOptions DrawOptions(Prng random) => SimCluster.SmallOptions with
    {
        Shards = 1 + random.Next(2),
        MemTableBytes = 64L << (10 + random.Next(5)),
        WalSegmentBytes = 128 << (10 + random.Next(4)),
        WalRetentionBytes = 256L << (10 + random.Next(5)),
        BlockCacheBytes = random.Chance(1, 2) ? 0 : 8 << 20,

        // In small steps, so that others get their turn while a flush or a merge is half done.
        Storage = new StorageOptions
        {
            StepBytes = 1 << (10 + random.Next(8)),
            TableBytes = 32 << (10 + random.Next(4)),
            BaseLevelBytes = 64 << (10 + random.Next(4)),
            Level0CompactionTables = 2 + random.Next(3),
            PoisonFreedMemory = true,
        },
    };

    private static ImmutableArray<Operation> DrawOperations(Prng random)
    {
        var chosen = Enum.GetValues<Operation>().Where(_ => random.Chance(3, 5)).ToList();

        // Without writes that everybody waits for, and reads that must see them, little can go wrong.
        foreach (var needed in (Operation[])[Operation.StrongPut, Operation.QuorumGet])
            if (!chosen.Contains(needed)) chosen.Add(needed);
        return [.. chosen];
    }
}

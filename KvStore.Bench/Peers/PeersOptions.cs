using KvStore.Bench.Load;

namespace KvStore.Bench.Peers;

/// <summary>What `peers` measures and for how long.</summary>
internal sealed record PeersOptions
{
    public required int Rounds { get; init; }

    public required LoadTiming Timing { get; init; }

    public required IReadOnlyList<int> ClientCounts { get; init; }

    /// <summary>Names of <see cref="Processes.StoreCatalog.Names"/>, in the order of measuring.</summary>
    public required IReadOnlyList<string> Stores { get; init; }

    public required int Keys { get; init; }

    public required int ValueBytes { get; init; }

    /// <summary>Where the disk is probed: the parent of the data directories.</summary>
    public required string DataParent { get; init; }
}

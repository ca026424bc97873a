using KvStore.Protocol.Client;

namespace KvStore.Daemon.Ctl.Load;

/// <summary>What a load run does.</summary>
internal sealed record LoadPlan
{
    /// <summary>Requests under way at a time.</summary>
    public required int Loops { get; init; }

    /// <summary>Operations to begin at most.</summary>
    public required long Ops { get; init; }

    /// <summary>No operation begins after this time.</summary>
    public required TimeSpan Duration { get; init; }

    public required OperationMix Mix { get; init; }

    public required int Keys { get; init; }

    /// <summary>Bytes.</summary>
    public required int ValueSize { get; init; }

    /// <summary>Exponent of Zipf's law, 0 for all keys alike.</summary>
    public required double Zipf { get; init; }

    public required WriteOptions Write { get; init; }

    public required ReadOptions Read { get; init; }
}

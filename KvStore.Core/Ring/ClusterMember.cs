using KvStore.Core.Primitives;

namespace KvStore.Core.Ring;

/// <summary>One node as the topology document names it.</summary>
public sealed record ClusterMember
{
    public const int MaxWeight = 64;

    public const int MaxTextBytes = 255;

    public required NodeId Id { get; init; }

    /// <summary>The operator's name for it, 1 to 255 bytes of UTF-8, unique in the cluster.</summary>
    public required string Name { get; init; }

    /// <summary>"host:port" at which peers and clients reach it, 1 to 255 bytes, unique in the cluster.</summary>
    public required string Address { get; init; }

    /// <summary>The failure zone, at most 255 bytes; members that say nothing share the zone "".</summary>
    public string Zone { get; init; } = "";

    /// <summary>Its share of the data relative to the others', 1 to 64.</summary>
    public int Weight { get; init; } = 1;

    /// <summary>Random, minted with its data directory.</summary>
    public required ulong Incarnation { get; init; }

    public MemberState State { get; init; } = MemberState.Active;

    /// <summary>Whether <see cref="Placement.Place"/> may give it replicas.</summary>
    public bool TakesReplicas => State != MemberState.Leaving;
}

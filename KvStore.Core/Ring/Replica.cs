using KvStore.Core.Primitives;

namespace KvStore.Core.Ring;

/// <summary>One of the three replicas of a partition: the node that holds it, and the id of this life of it there.</summary>
public readonly record struct Replica(NodeId Node, ReplicaId Id)
{
    public override string ToString() => $"{Node}/{Id}";
}

using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Wal;

/// <summary>Whose log it is: written into every segment, and the incarnation seeds every checksum, so that another node's files are never taken for one's own.</summary>
public readonly record struct WalIdentity(UInt128 ClusterId, NodeId Node, ulong Incarnation)
{
    public override string ToString() => $"cluster {ClusterId:x32}, node {Node}, incarnation {Incarnation:x16}";
}

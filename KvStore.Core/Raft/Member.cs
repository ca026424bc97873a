using KvStore.Core.Primitives;

namespace KvStore.Core.Raft;

/// <summary>
/// One replica of a group as its configuration names it. The incarnation is drawn with the node's data directory and the replica id
/// with every addition, so that a wiped node or an earlier life of the replica is not taken for the member.
/// </summary>
public readonly record struct Member(NodeId Node, ulong Incarnation, ReplicaId Replica);

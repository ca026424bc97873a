using KvStore.Core.Primitives;

namespace KvStore.Core.Raft;

/// <summary>
/// What must survive a crash besides the log: the term, the replica voted for in it (None if nobody) and, as a saving of work only, the
/// commit index (Raft paper, figure 2).
/// </summary>
public readonly record struct HardState(Term Term, ReplicaId Vote, LogIndex Commit);

using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Wal;

/// <summary>What a Raft group must never forget. <paramref name="Vote"/> is a replica id, 0 for none.</summary>
public readonly record struct HardStateRecord(Term Term, ulong Vote, LogIndex Commit);

using KvStore.Core.Primitives;

namespace KvStore.Core.Raft;

/// <summary>
/// What Raft knows of a log entry: its term, its size in bytes as the driver counts it, and whether it changes the configuration.
/// The last is needed for safety (<see cref="RaftNode.ProposeConfiguration"/>): the driver keeps it with the entry, on the wire and on disk.
/// </summary>
public readonly record struct EntryMeta(Term Term, int Size, bool IsConfiguration = false);

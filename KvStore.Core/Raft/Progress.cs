using KvStore.Core.Primitives;

namespace KvStore.Core.Raft;

/// <summary>
/// What the leader knows of a follower: acknowledged durable through <paramref name="Match"/>, entries from <paramref name="Next"/> on
/// not yet sent, and the bytes sent and not acknowledged.
/// </summary>
public readonly record struct Progress(LogIndex Match, LogIndex Next, ProgressState State, int InflightBytes);

using KvStore.Core.Primitives;

namespace KvStore.Core.Raft;

/// <summary>
/// What the driver does at once with the entries of an Append: drop its log from <paramref name="TruncateFrom"/> (if not null), then
/// append the <paramref name="NewCount"/> given entries from offset <paramref name="FirstNew"/>. A refused message changes nothing.
/// </summary>
public readonly record struct AppendDecision(bool Accepted, LogIndex? TruncateFrom, int FirstNew, int NewCount);

using KvStore.Core.Primitives;

namespace KvStore.Core.Storage;

/// <summary>How far a partition's log is applied.</summary>
/// <param name="Index">The last applied entry; zero before the first.</param>
/// <param name="Term">The term of that entry.</param>
/// <param name="LogTime">Hybrid clock ticks of that entry; never decreases along a log.</param>
public readonly record struct AppliedState(LogIndex Index, Term Term, ulong LogTime);

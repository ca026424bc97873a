using KvStore.Core.Primitives;

namespace KvStore.Core.Storage;

/// <summary>What a record says beside its value.</summary>
/// <param name="Revision">Version and timestamp of the write; stored, never derived from the position in the log.</param>
/// <param name="ExpiresAtMs">Milliseconds since the Unix epoch from which the record counts as absent; 0 for never.</param>
/// <param name="IsTombstone">The key was deleted; there is no value.</param>
public readonly record struct RecordInfo(Revision Revision, long ExpiresAtMs, bool IsTombstone);

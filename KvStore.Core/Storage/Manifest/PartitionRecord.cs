using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Manifest;

/// <summary>What the manifest says of a partition.</summary>
/// <param name="Applied">Entries up to here lie in tables of the generation.</param>
/// <param name="Floor">Tombstones at or below it count as absent.</param>
/// <param name="Configuration">Opaque bytes of the node; null in an edit: unchanged.</param>
internal sealed record PartitionRecord(
    PartitionId Id, Generation Generation, AppliedState Applied, LogIndex Floor, byte[]? Configuration);

using KvStore.Core.Primitives;

namespace KvStore.Core.Storage;

/// <summary>What a storage directory holds, read without an engine.</summary>
public sealed record StorageReport(ulong ManifestNumber, IReadOnlyList<PartitionReport> Partitions, IReadOnlyList<TableReport> Tables);

/// <summary>What the manifest says of a partition.</summary>
/// <param name="ConfigurationBytes">Length of its opaque configuration.</param>
public sealed record PartitionReport(PartitionId Id, Generation Generation, AppliedState Applied, LogIndex Floor, int ConfigurationBytes);

/// <summary>A table that the manifest names. The figures after <paramref name="Level"/> and the sizes come from the table itself and are zero if it cannot be read.</summary>
/// <param name="KeyBytes">Keys before compression.</param>
/// <param name="ValueBytes">Values before compression.</param>
public sealed record TableReport(
    ulong Number, int Level, long Bytes, long Records, PartitionId FirstPartition, PartitionId LastPartition,
    long Tombstones, long KeyBytes, long ValueBytes, long DataBlocks);

using KvStore.Core.Primitives;
using KvStore.Core.Storage.MemTable;

namespace KvStore.Core.Storage.Compaction;

/// <summary>What one partition contributes to a flush.</summary>
/// <param name="Table">Its frozen memtable, with a reference; null if entries were applied that wrote nothing.</param>
/// <param name="State">How far it was applied when it was frozen.</param>
internal sealed record FrozenPart(
    PartitionStore Store, Generation Generation, PartitionMemTable? Table, AppliedState State, byte[] Configuration, LogIndex Floor);

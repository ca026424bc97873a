namespace KvStore.Tests.Simulation.Checkers;

/// <summary>Everything that one replica holds at the end, when all faults are healed and nothing is written any more.</summary>
/// <param name="Applied">The last entry that it has applied.</param>
/// <param name="Records">By key; tombstones and expired records included.</param>
internal sealed record ReplicaContent(ushort Partition, ushort Node, RecordVersion Applied, IReadOnlyDictionary<string, ReplicaRecord> Records);

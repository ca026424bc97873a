namespace KvStore.Tests.Simulation.Runs;

/// <summary>What clients do.</summary>
internal enum Operation
{
    StrongPut,
    FastPut,
    PutIfAbsent,
    PutIfRevision,
    StrongDelete,
    FastDelete,
    DeleteIfRevision,
    PutForAWhile,

    /// <summary>Strong puts of several keys of one partition, of which all take effect or none.</summary>
    BatchPut,

    /// <summary>The same with fast puts.</summary>
    FastBatchPut,
    QuorumGet,
    LocalGet,

    /// <summary>A local get that must not be older than what the client has written or read.</summary>
    LocalGetAtLeast,
    /// <summary>Of several keys of whatever partitions at once.</summary>
    QuorumGetOfMany,

    /// <summary>The same, where some keys must not be older than the client knows.</summary>
    LocalGetOfMany,
    QuorumScan,
    LocalScan,
}

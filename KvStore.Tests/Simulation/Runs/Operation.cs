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

    /// <summary>Strong puts of several keys, some of which share a partition; of these all take effect or none.</summary>
    BatchPut,
    QuorumGet,
    LocalGet,

    /// <summary>A local get that must not be older than what the client has written or read.</summary>
    LocalGetAtLeast,
    QuorumScan,
    LocalScan,
}

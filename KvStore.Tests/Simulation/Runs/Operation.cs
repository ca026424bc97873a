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
    QuorumGet,
    LocalGet,

    /// <summary>A local get that must not be older than what the client has written or read.</summary>
    LocalGetAtLeast,
    QuorumScan,
    LocalScan,
}

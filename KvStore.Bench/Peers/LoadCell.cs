using KvStore.Bench.Load;

namespace KvStore.Bench.Peers;

/// <summary>One combination that is measured in every round.</summary>
internal readonly record struct LoadCell(string Store, ConnectionDesign Design, LoadOperation Operation, int Clients)
{
    /// <summary>The operation in the store's own words.</summary>
    public string OperationName => (Store, Operation) switch
    {
        ("etcd", LoadOperation.StrongPut) => "put",
        ("etcd", LoadOperation.QuorumGet) => "linearizable get",
        ("etcd", LoadOperation.LocalGet) => "serializable get",
        ("redis", LoadOperation.StrongPut) => "SET + WAIT 1",
        ("redis", LoadOperation.FastPut) => "SET",
        ("redis", LoadOperation.LocalGet) => "GET",
        (_, LoadOperation.StrongPut) => "strong put",
        (_, LoadOperation.FastPut) => "fast put",
        (_, LoadOperation.QuorumGet) => "quorum get",
        _ => "local get",
    };
}

namespace KvStore.Bench.Load;

/// <summary>What one closed-loop client does; each store translates it into its nearest own request.</summary>
internal enum LoadOperation
{
    /// <summary>A write acknowledged by a majority: kvd strong put, etcd put, Redis SET + WAIT 1.</summary>
    StrongPut,

    /// <summary>A write durable on its primary: kvd fast put, Redis SET with appendfsync always.</summary>
    FastPut,

    /// <summary>A linearizable read: kvd quorum get, etcd linearizable range.</summary>
    QuorumGet,

    /// <summary>A read of whatever the asked node has: kvd local get, etcd serializable range, Redis GET.</summary>
    LocalGet,
}

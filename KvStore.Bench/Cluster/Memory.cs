using KvStore.Bench.Processes;

namespace KvStore.Bench.Cluster;

/// <summary>Memory of a cluster's processes.</summary>
internal static class Memory
{
    /// <summary>Resident set of the largest server, in MB (10^6 bytes).</summary>
    public static double LargestMegabytes(ServerCluster cluster) => cluster.Processes.Max(static process => process.ResidentBytes) / 1e6;
}

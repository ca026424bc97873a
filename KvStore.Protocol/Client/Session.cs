using KvStore.Protocol.Messages;

namespace KvStore.Protocol.Client;

/// <summary>
/// The newest revision seen of every partition, by writes and by reads: sent along with local reads, it gives read-your-writes and monotonic
/// reads whichever replica answers (Terry et al., "Session Guarantees for Weakly Consistent Replicated Data", 1994).
/// </summary>
internal sealed class Session(UInt128 clusterId, int partitionCount)
{
    private const int Stripes = 64;
    private readonly WireRevision[] _newest = new WireRevision[partitionCount];
    private readonly Lock[] _gates = [.. Enumerable.Range(0, Math.Min(Stripes, partitionCount)).Select(_ => new Lock())];

    /// <summary>The revisions are of this cluster: another one behind the same addresses may never reach them.</summary>
    public bool Fits(TopologyReply topology) => topology.ClusterId == clusterId && topology.PartitionCount == partitionCount;

    public WireRevision Newest(ushort partition)
    {
        lock (_gates[partition % _gates.Length]) return _newest[partition];
    }

    public void Observe(ushort partition, in WireRevision revision)
    {
        if (revision.IsNone || partition >= _newest.Length) return;
        lock (_gates[partition % _gates.Length])
        {
            if (IsNewer(revision, _newest[partition])) _newest[partition] = revision;
        }
    }

    // By version first; of one version the later timestamp (a detached write keeps the version it replaced).
    private static bool IsNewer(in WireRevision a, in WireRevision b)
    {
        if (a.Term != b.Term) return a.Term > b.Term;
        if (a.Index != b.Index) return a.Index > b.Index;
        return a.Ticks > b.Ticks;
    }
}

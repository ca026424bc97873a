using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Core.Node;

/// <summary>
/// Where shards have tables read: a few threads of their own, so that a slow disk holds up neither an event loop nor the pool that runs
/// them. The reads of one partition are done one at a time, in order.
/// </summary>
internal sealed class ColdReads : IDisposable
{
    private const int Lanes = 2;

    /// <summary>Of the reads that may be refused.</summary>
    private const int MaxWaiting = 1024;

    private readonly ILane[] _lanes;
    private int _waiting;

    public ColdReads(IScheduler scheduler)
    {
        _lanes = new ILane[Lanes];
        for (var i = 0; i < Lanes; i++) _lanes[i] = scheduler.CreateLane($"cold-reads-{i}");
    }

    /// <summary>Runs a read, which may block on the disk and must not throw. Not after <see cref="Dispose"/>.</summary>
    public void Post(PartitionId partition, Action read) => _lanes[partition.Value % Lanes].Post(new WorkItem(read));

    /// <summary>As <see cref="Post"/>; false if too many such reads wait.</summary>
    public bool TryPost(PartitionId partition, Action read)
    {
        if (Interlocked.Increment(ref _waiting) > MaxWaiting)
        {
            Interlocked.Decrement(ref _waiting);
            return false;
        }

        Post(partition, () =>
        {
            read();
            Interlocked.Decrement(ref _waiting);
        });
        return true;
    }

    /// <summary>What is queued is still read.</summary>
    public void Dispose()
    {
        foreach (var lane in _lanes) lane.Dispose();
    }
}

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

    private const long MaxWaitingBytes = 32L << 20;

    private readonly ILane[] _lanes;
    private int _waiting;
    private long _waitingBytes;

    public ColdReads(IScheduler scheduler)
    {
        _lanes = new ILane[Lanes];
        for (var i = 0; i < Lanes; i++) _lanes[i] = scheduler.CreateLane($"cold-reads-{i}");
    }

    /// <summary>Runs a read, which may block on the disk and must not throw. Not after <see cref="Dispose"/>.</summary>
    public void Post(PartitionId partition, Action read) => _lanes[partition.Value % Lanes].Post(new WorkItem(read));

    /// <summary>As <see cref="Post"/>; false if too many such reads wait, or too many bytes of what waits for them.</summary>
    public bool TryPost(PartitionId partition, int bytes, Action read)
    {
        var waiting = Interlocked.Increment(ref _waiting);
        if (Interlocked.Add(ref _waitingBytes, bytes) > MaxWaitingBytes || waiting > MaxWaiting)
        {
            Leave(bytes);
            return false;
        }

        Post(partition, () =>
        {
            read();
            Leave(bytes);
        });
        return true;
    }

    /// <summary>What is queued is still read.</summary>
    public void Dispose()
    {
        foreach (var lane in _lanes) lane.Dispose();
    }

    private void Leave(int bytes)
    {
        Interlocked.Decrement(ref _waiting);
        Interlocked.Add(ref _waitingBytes, -bytes);
    }
}

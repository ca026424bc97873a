using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Core.Node;

/// <summary>
/// Where shards and connections have tables or the log read: a few threads of their own, so that a slow disk holds up neither an event loop nor the pool that runs
/// them. The reads of one partition are done one at a time, in order.
/// </summary>
internal sealed class ColdReads : IDisposable
{
    private const long MaxWaitingBytes = 32L << 20;

    private readonly ILane[] _lanes;
    private readonly int _maxWaiting;
    private int _waiting;
    private long _waitingBytes;

    /// <param name="scheduler">Makes the lanes.</param>
    /// <param name="name">Of the lanes.</param>
    /// <param name="lanes">How many reads are done at a time.</param>
    /// <param name="maxWaiting">Of the reads that may be refused.</param>
    public ColdReads(IScheduler scheduler, string name, int lanes, int maxWaiting)
    {
        _maxWaiting = maxWaiting;
        _lanes = new ILane[lanes];
        for (var i = 0; i < lanes; i++) _lanes[i] = scheduler.CreateLane($"{name}-{i}");
    }

    /// <summary>Runs a read, which may block on the disk and must not throw. Not after <see cref="Dispose"/>.</summary>
    public void Post(PartitionId partition, Action read) => _lanes[partition.Value % _lanes.Length].Post(new WorkItem(read));

    /// <summary>As <see cref="Post"/>; false if too many such reads wait, or too many bytes of what waits for them.</summary>
    public bool TryPost(PartitionId partition, int bytes, Action read)
    {
        var waiting = Interlocked.Increment(ref _waiting);
        if (Interlocked.Add(ref _waitingBytes, bytes) > MaxWaitingBytes || waiting > _maxWaiting)
        {
            Leave(bytes);
            return false;
        }

        try
        {
            Post(partition, () =>
            {
                read();
                Leave(bytes);
            });
            return true;
        }
        catch (ObjectDisposedException)
        {
            // Whoever asks in the moment in which the node stops.
            Leave(bytes);
            return false;
        }
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

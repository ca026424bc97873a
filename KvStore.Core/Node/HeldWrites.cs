using System.Diagnostics.CodeAnalysis;

namespace KvStore.Core.Node;

/// <summary>
/// The writes of one shard that wait because flush or compaction is behind, in their order. They keep their place in the shard's queue, so
/// their number and bytes are bounded. The shard's alone.
/// </summary>
internal sealed class HeldWrites
{
    /// <summary>Shorter pauses are let pass: they add up, and a later write waits for all of them.</summary>
    private const long ShortestPauseNs = NsPerMs;

    private const long LookAgainNs = 5 * NsPerMs;
    private const long LongestOverdueNs = 1_000 * NsPerMs;
    private const long NsPerMs = 1_000_000;

    private readonly Queue<(long DueNs, PendingWrite Write)> _queue = new();

    /// <summary>When to look again, in ms since boot, rounded up; the largest value if none waits.</summary>
    public long NextLookMs(long nowNs) =>
        _queue.TryPeek(out var next) ? ((next.DueNs > nowNs ? next.DueNs : nowNs + LookAgainNs) / NsPerMs) + 1 : long.MaxValue;

    /// <summary>Whether a write for which the storage engine wants a pause has to wait: for itself, for room, or behind others.</summary>
    public bool MustWait(long pauseNs, bool isFull) => isFull || pauseNs >= ShortestPauseNs || _queue.Count > 0;

    /// <param name="dueNs">Since boot.</param>
    public void Add(PendingWrite write, long dueNs) => _queue.Enqueue((dueNs, write));

    /// <summary>The first one, if it has waited for long enough. While the engine is full none has, for a second: then the replica says so.</summary>
    public bool TryTake(long nowNs, bool isFull, [NotNullWhen(true)] out PendingWrite? write)
    {
        write = null;
        if (!_queue.TryPeek(out var next) || next.DueNs > nowNs - (isFull ? LongestOverdueNs : 0)) return false;
        write = _queue.Dequeue().Write;
        return true;
    }
}

using System.Diagnostics.CodeAnalysis;

namespace KvStore.Core.Node;

/// <summary>
/// The writes of one shard that wait because flush or compaction is behind, in their order. They keep their place in the shard's queue, so
/// their number and bytes are bounded. The shard's alone.
/// </summary>
internal sealed class HeldWrites
{
    /// <summary>Shorter pauses are let pass: they add up, and a later write waits for all of them.</summary>
    private const long ShortestPauseNs = 1_000_000;

    private readonly Queue<(long DueNs, PendingWrite Write)> _queue = new();

    /// <summary>When the next one is due, in ms since boot, rounded up; the largest value if none waits.</summary>
    public long NextDueMs => _queue.TryPeek(out var next) ? (next.DueNs / 1_000_000) + 1 : long.MaxValue;

    /// <summary>Whether a write for which the storage engine wants a pause has to wait: for itself, or behind others.</summary>
    public bool MustWait(long pauseNs) => pauseNs >= ShortestPauseNs || _queue.Count > 0;

    /// <param name="dueNs">Since boot.</param>
    public void Add(PendingWrite write, long dueNs) => _queue.Enqueue((dueNs, write));

    /// <summary>The first one, if it has waited for long enough.</summary>
    public bool TryTake(long nowNs, [NotNullWhen(true)] out PendingWrite? write)
    {
        write = null;
        if (!_queue.TryPeek(out var next) || next.DueNs > nowNs) return false;
        write = _queue.Dequeue().Write;
        return true;
    }
}

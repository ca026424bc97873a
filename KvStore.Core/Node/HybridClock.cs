using KvStore.Core.Io;
using KvStore.Core.Primitives;

namespace KvStore.Core.Node;

/// <summary>
/// The node's hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", 2014, with milliseconds and counter in one word:
/// a counter that overflows carries into the milliseconds). Every reading is greater than every earlier one and than every
/// timestamp observed, whatever the wall clock does. Any thread, no locks.
/// </summary>
/// <param name="clock">Its wall time is the physical part.</param>
/// <param name="node">Breaks ties between nodes; part of every reading.</param>
/// <param name="floorTicks">Readings are greater than this: the ceiling that the write-ahead log recorded before a restart, 0 if there is none.</param>
public sealed class HybridClock(IClock clock, NodeId node, ulong floorTicks = 0)
{
    private const int LogicalBits = 16;

    private ulong _latest = floorTicks;

    public NodeId Node { get; } = node;

    /// <summary>Ticks of the greatest timestamp given or observed so far. What is recorded as a ceiling must not be below it.</summary>
    public ulong Latest => Volatile.Read(ref _latest);

    /// <summary>A timestamp greater than all before.</summary>
    public HybridTimestamp Now()
    {
        var wall = WallTicks();
        while (true)
        {
            var latest = Volatile.Read(ref _latest);
            var next = Math.Max(wall, latest + 1);
            if (Interlocked.CompareExchange(ref _latest, next, latest) == latest) return new HybridTimestamp(next, Node);
        }
    }

    /// <summary>
    /// Takes note of a timestamp from another node, so that later readings are greater.
    /// Returns false, and takes no note, if it is more than <paramref name="maxSkewMs"/> milliseconds ahead of this node's wall clock.
    /// </summary>
    public bool Observe(HybridTimestamp remote, long maxSkewMs)
    {
        var wall = WallTicks();
        if (remote.Ticks >> LogicalBits > (wall >> LogicalBits) + (ulong)maxSkewMs) return false;
        while (true)
        {
            var latest = Volatile.Read(ref _latest);
            if (remote.Ticks <= latest) return true;
            if (Interlocked.CompareExchange(ref _latest, remote.Ticks, latest) == latest) return true;
        }
    }

    // A host whose clock says before 1970 gets readings from the counter alone.
    private ulong WallTicks() => (ulong)Math.Max(clock.WallMs, 0) << LogicalBits;
}

namespace KvStore.Protocol.Wire;

/// <summary>
/// While a thread works through the frames of one read, the frames that it sends are only queued; all of them leave together when the thread is
/// done. Without this, every request and every reply would pay a system call of its own.
/// </summary>
public static class FlushScope
{
    [ThreadStatic]
    private static List<OutgoingQueue>? t_waiting;

    [ThreadStatic]
    private static int t_depth;

    public static void Enter() => t_depth++;

    public static void Leave()
    {
        if (t_depth > 1 || t_waiting is not { Count: > 0 } waiting)
        {
            t_depth--;
            return;
        }

        // Still inside while flushing: what a flush triggers on this thread joins the end of the list.
        for (var i = 0; i < waiting.Count; i++) waiting[i].FlushDeferred();
        waiting.Clear();
        t_depth--;
    }

    /// <summary>True when the current thread will flush the queue at the end of its scope.</summary>
    /// <param name="queue">Noted once by each thread that appends to it, so that no thread's frames wait for another's scope.</param>
    /// <param name="deferredBy">The thread that noted it last.</param>
    internal static bool TryDefer(OutgoingQueue queue, ref int deferredBy)
    {
        if (t_depth == 0) return false;
        var self = Environment.CurrentManagedThreadId;
        if (deferredBy != self) (t_waiting ??= []).Add(queue);
        deferredBy = self;
        return true;
    }
}

namespace KvStore.Protocol.Client;

/// <summary>
/// While a thread works through the replies of one read, the requests that continuations send from it are only queued; all of them leave together
/// when the thread is done. Without this, a closed loop with inline completions pays one system call for each request.
/// </summary>
internal static class FlushScope
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
    public static bool TryDefer(OutgoingQueue queue, bool alreadyWaiting)
    {
        if (t_depth == 0) return false;
        if (!alreadyWaiting) (t_waiting ??= []).Add(queue);
        return true;
    }
}

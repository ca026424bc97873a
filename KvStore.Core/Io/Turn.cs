using KvStore.Protocol.Wire;

namespace KvStore.Core.Io;

/// <summary>
/// What a thread does between two waits: first the events it woke up for, then the work that these made
/// (<see cref="IScheduler.PostNext"/>), and at last everything that both want to send leaves, one system call per connection.
/// </summary>
/// <remarks>
/// Waking another thread costs a small host more than most of the work that would be handed over. Work that a turn's own work
/// makes goes to the pool, so that a turn ends.
/// </remarks>
public static class Turn
{
    [ThreadStatic]
    private static List<IWorkItem>? t_next;

    [ThreadStatic]
    private static int t_depth;

    [ThreadStatic]
    private static bool t_ending;

    /// <summary>Begins a turn of the calling thread; one within another is part of it.</summary>
    public static void Begin()
    {
        FlushScope.Enter();
        t_depth++;
    }

    /// <summary>Ends the turn: runs what was posted during it, then sends.</summary>
    public static void End()
    {
        if (t_depth == 1 && t_next is { Count: > 0 } next)
        {
            t_ending = true;
            foreach (var item in next) item.Execute();
            next.Clear();
            t_ending = false;
        }

        t_depth--;
        FlushScope.Leave();
    }

    /// <summary>Keeps an item, whose execution does not throw, for the end of the turn. False if the calling thread is in none, or at its end.</summary>
    internal static bool TryPost(IWorkItem item)
    {
        if (t_depth == 0 || t_ending) return false;
        (t_next ??= []).Add(item);
        return true;
    }
}

using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using Shouldly;

namespace KvStore.Tests.Raft;

/// <summary>What a replica's disk holds: hard state, a snapshot, and the log after it. Writes queue in order; a sync makes some of them durable.</summary>
internal sealed class TestDisk(TestSnapshot initial)
{
    private readonly Queue<Write> _queue = new();

    public HardState HardState { get; private set; }

    public TestSnapshot Snapshot { get; private set; } = initial;

    public List<TestEntry> Log { get; } = [];

    /// <summary>Sequence number of the last write handed in.</summary>
    public ulong LastWrite { get; private set; }

    public ulong DurableWrite { get; private set; }

    public int Pending => _queue.Count;

    public void Append(Term stamp, LogIndex index, TestEntry entry) => Queue(new Write(stamp, index, entry, null));

    public void Truncate(LogIndex from) => Queue(new Write(default, from, null, null));

    public void Save(HardState hardState) => Queue(new Write(default, default, null, hardState));

    /// <summary>Replaces the state by a snapshot; with <paramref name="keepLog"/> the log after it stays. Durable with everything before it on return.</summary>
    public void Install(TestSnapshot snapshot, bool keepLog)
    {
        Sync(int.MaxValue);
        if (keepLog) Log.RemoveRange(0, (int)Math.Min(snapshot.Index - Snapshot.Index, (ulong)Log.Count));
        else Log.Clear();
        Snapshot = snapshot;
    }

    /// <summary>Makes the oldest <paramref name="writes"/> durable and returns what to report: the newest appended (term, index) of each stamp, and saved terms.</summary>
    public List<Notice> Sync(int writes)
    {
        var notices = new List<Notice>();
        for (; writes > 0 && _queue.TryDequeue(out var write); writes--)
        {
            DurableWrite++;
            if (write.HardState is { } hardState)
            {
                HardState = hardState;
                notices.Add(new Notice(hardState.Term, null));
            }
            else if (write.Entry is { } entry)
            {
                Log.Add(entry);
                (Snapshot.Index + (ulong)Log.Count).ShouldBe(write.Index);
                if (notices.Count > 0 && notices[^1] is { Index: not null } last && last.Term == write.Stamp) notices.RemoveAt(notices.Count - 1);
                notices.Add(new Notice(write.Stamp, write.Index));
            }
            else
            {
                var keep = (int)(write.Index.Previous - Snapshot.Index);
                Log.RemoveRange(keep, Log.Count - keep);
            }
        }

        return notices;
    }

    /// <summary>Power loss: of the queue only the first <paramref name="survivors"/> writes reached the disk.</summary>
    public void Lose(int survivors)
    {
        Sync(survivors);
        _queue.Clear();
        DurableWrite = LastWrite;
    }

    private void Queue(Write write)
    {
        _queue.Enqueue(write);
        LastWrite++;
    }

    /// <summary>Something became durable: a log through an index if that is set, else the hard state of a term.</summary>
    internal readonly record struct Notice(Term Term, LogIndex? Index);

    private sealed record Write(Term Stamp, LogIndex Index, TestEntry? Entry, HardState? HardState);
}

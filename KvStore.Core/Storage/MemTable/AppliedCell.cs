using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.MemTable;

/// <summary>
/// An <see cref="AppliedState"/> that one thread sets and others read whole, without a lock (a sequence lock: odd while it changes).
/// Storing the index publishes everything the writer did before.
/// </summary>
internal sealed class AppliedCell
{
    private int _sequence;
    private ulong _index;
    private ulong _term;
    private ulong _logTime;

    public LogIndex Index => new(Volatile.Read(ref _index));

    public void Set(in AppliedState state)
    {
        var sequence = _sequence;
        Volatile.Write(ref _sequence, sequence + 1);
        Interlocked.MemoryBarrier();
        Volatile.Write(ref _term, state.Term.Value);
        Volatile.Write(ref _logTime, state.LogTime);
        Volatile.Write(ref _index, state.Index.Value);
        Volatile.Write(ref _sequence, sequence + 2);
    }

    public AppliedState Get()
    {
        while (true)
        {
            var before = Volatile.Read(ref _sequence);
            var state = new AppliedState(
                new LogIndex(Volatile.Read(ref _index)), new Term(Volatile.Read(ref _term)), Volatile.Read(ref _logTime));
            if ((before & 1) == 0 && Volatile.Read(ref _sequence) == before) return state;
        }
    }
}

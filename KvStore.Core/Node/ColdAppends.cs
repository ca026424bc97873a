using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using KvStore.Core.Storage.Wal;

namespace KvStore.Core.Node;

/// <summary>
/// Appends to followers that are so far behind that the entries have left memory: they are read from the log, and sent, on a lane, so that a
/// slow disk does not hold up the shard. The shard's, but for what it posts to the lane.
/// </summary>
/// <remarks>
/// To Raft such a message is one that the network delayed or lost. Whatever became of the term, the log or the leadership meanwhile, it says what
/// was true when it was made: a record at an address never changes, and is checked when it is read.
/// </remarks>
internal sealed class ColdAppends(Shard shard, PartitionId id, RaftNode raft, PayloadLog log, WriteAheadLog wal)
{
    private const int EntryDescriptionBytes = 32;

    private readonly Dictionary<NodeId, UnderWay> _underWay = [];

    private readonly record struct ColdEntry(LogIndex Index, Term Term, WalAddress Address);

    /// <summary>What is on the lane for one follower.</summary>
    private sealed class UnderWay
    {
        /// <summary>How many appends. Any thread.</summary>
        public int Count;

        public Term Term { get; private set; }

        /// <summary>Behind the last of those entries, which follow each other.</summary>
        public LogIndex Through { get; private set; }

        public bool IsEmpty => Volatile.Read(ref Count) == 0;

        public void Begin(in RaftMessage first) => (Term, Through) = (first.Term, first.Index);

        public void Add(in RaftMessage append)
        {
            var last = append.Index + (ulong)append.EntryCount;
            if (last > Through) Through = last;
        }

        /// <summary>A follower that hears nothing for a while, since much waits on the lane, is sent the same again.</summary>
        public bool Holds(in RaftMessage append) => append.EntryCount > 0 && append.Index + (ulong)append.EntryCount <= Through;
    }

    private NodeContext Context => shard.Context;

    /// <summary>
    /// Takes over an append that the shard cannot send from memory, or that must not overtake one: a follower would refuse it, and be probed from
    /// where it was. False if it can go at once.
    /// </summary>
    public bool TryTake(NodeId to, in RaftMessage append)
    {
        var first = append.Index.Next;
        var cold = (int)Math.Min((ulong)append.EntryCount, first < log.FirstInMemory ? log.FirstInMemory - first : 0);
        if (!_underWay.TryGetValue(to, out var underWay))
        {
            if (cold == 0) return false;
            _underWay.Add(to, underWay = new UnderWay());
        }

        if (cold == 0 && underWay.IsEmpty) return false;
        if (underWay.IsEmpty || underWay.Term != append.Term) underWay.Begin(append);

        // Behind what the lane refused there is nothing that the follower could take.
        if (underWay.Holds(append) || append.Index > underWay.Through) return true;
        if (cold > 0 && !TryPostCold(to, append with { EntryCount = cold }, underWay)) return true;
        if (cold < append.EntryCount || append.EntryCount == 0) PostWarm(to, RestOf(append, cold), underWay);
        return true;
    }

    /// <summary>What is in memory always follows what is not.</summary>
    private RaftMessage RestOf(in RaftMessage append, int cold)
    {
        if (cold == 0) return append;
        var index = append.Index + (ulong)cold;
        return append with { Index = index, LogTerm = raft.Log.TermAt(index), EntryCount = append.EntryCount - cold };
    }

    private bool TryPostCold(NodeId to, RaftMessage append, UnderWay underWay)
    {
        var entries = new ColdEntry[append.EntryCount];
        for (var i = 0; i < entries.Length; i++)
        {
            var index = append.Index + (ulong)i + 1;
            if (!log.Contains(index)) return false; // Recycled a moment ago: Raft asks for a snapshot once it hears of it.
            entries[i] = new ColdEntry(index, raft.Log.TermAt(index), log.AddressOf(index));
        }

        return TryPost(append, underWay, entries.Length * EntryDescriptionBytes, () =>
        {
            var buffer = new ByteBuffer();
            var start = RaftBatch.Begin(buffer, id, append);
            var payload = new ByteBuffer();
            foreach (var entry in entries)
            {
                payload.Clear();
                if (!TryRead(entry, payload)) return;
                RaftBatch.AddEntry(buffer, entry.Term, payload.Written);
            }

            RaftBatch.End(buffer, start);
            Send(to, buffer);
        });
    }

    private void PostWarm(NodeId to, in RaftMessage append, UnderWay underWay)
    {
        var buffer = new ByteBuffer();
        var start = RaftBatch.Begin(buffer, id, append);
        for (var i = 1; i <= append.EntryCount; i++)
        {
            var index = append.Index + (ulong)i;
            Invariant.Check(log.TryGet(index, out var payload));
            RaftBatch.AddEntry(buffer, raft.Log.TermAt(index), payload);
        }

        RaftBatch.End(buffer, start);
        TryPost(append, underWay, buffer.Length, () => Send(to, buffer));
    }

    private bool TryPost(in RaftMessage append, UnderWay underWay, int bytes, Action send)
    {
        Interlocked.Increment(ref underWay.Count);
        var taken = Context.LogReads.TryPost(id, bytes, () =>
        {
            send();
            Interlocked.Decrement(ref underWay.Count);
        });
        if (taken)
        {
            underWay.Add(append);
            return true;
        }

        Interlocked.Decrement(ref underWay.Count);
        Context.Counters.AddRaftMessageDropped();
        return false;
    }

    private void Send(NodeId to, ByteBuffer batch)
    {
        if (!Context.Transport.TrySend(to, PeerLane.Log, PeerFrame.Raft, 0, batch.Written)) Context.Counters.AddRaftMessageDropped();
    }

    /// <summary>An entry that cannot be read is as good as recycled: the follower gets a snapshot instead, for what is not in memory is applied.</summary>
    private bool TryRead(in ColdEntry entry, ByteBuffer payload)
    {
        try
        {
            return wal.Read(entry.Address, id, entry.Index, payload) >= 0;
        }
        catch (DiskException failure) when (failure.IsShortage)
        {
            return false;
        }
        catch (IOException damage) when (damage is CorruptionException or DiskException)
        {
            Context.Log.Warn($"partition {id}: entry {entry.Index} cannot be read from the log, whoever lacks it gets a snapshot: {damage.Message}");
            shard.Post(new ShardEvent(ShardEventKind.LogRecycled, Partition: id, Number: entry.Index.Value));
            return false;
        }
    }
}

using KvStore.Core.Io;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using KvStore.Core.Storage;
using KvStore.Protocol.Messages;

namespace KvStore.Core.Node;

/// <summary>
/// The committed entries of one partition on their way into the state machine, in order. An entry whose condition asks for a record that
/// is not in memory parks the queue, not the shard: the record is read on another thread (<see cref="ColdReads"/>), and then the queue
/// goes on. If it cannot be read, the queue halts until the replica is rebuilt, or the record can be read after all.
/// </summary>
internal sealed class ApplyQueue(
    Shard shard, RaftNode raft, PayloadLog log, PartitionStore store, PartitionStatus status, PartitionWrites writes)
{
    /// <summary>Payloads of entries that a slow follower has not got stay in memory up to this, per partition; then they are read from the WAL.</summary>
    private const long KeepForFollowersBytes = 4L << 20;

    /// <summary>Entries are applied in portions of this many between looks at the storage engine's room.</summary>
    private const int Portion = 16;

    /// <summary>A halted queue has its records read again so often: the disk may have failed for a while only, and perhaps nobody can rebuild the replica.</summary>
    private const long ReadAgainMs = 10_000;

    /// <summary>The records that the entry at the head waits for, or has got.</summary>
    private EntryRecords? _head;

    private long _standingReported;
    private long _readAgainAtMs;

    public bool IsHalted => status.Halt is not null;

    /// <summary>The queue stands still until the storage engine has written out what it holds.</summary>
    public bool WaitsForRoom { get; private set; }

    /// <summary>The queue stands still and the log behind it, or behind all that do, has grown to what may be kept in memory: no more is taken.</summary>
    public bool IsFull => StandsStill && (log.MemoryBytes > Context.Options.MaxGroupUncommittedBytes
        || Volatile.Read(ref Context.StandingBytes) > Context.Options.MaxNodeUncommittedBytes);

    private bool StandsStill => IsHalted || _head is not null || WaitsForRoom;

    private NodeContext Context => shard.Context;

    /// <summary>An entry came into the log: what it will look at is read ahead, so that applying it finds that in memory.</summary>
    /// <param name="index">The entry's.</param>
    /// <param name="payload">The entry.</param>
    /// <param name="isAwaited">Its strong caller waits here.</param>
    public void Prefetch(LogIndex index, ReadOnlySpan<byte> payload, bool isAwaited)
    {
        if (!IsHalted && StateMachine.LooksAtRecords(payload, isAwaited) && !EntryRecords.AreInMemory(store, payload, isAwaited))
            ReadAhead(new EntryRecords(index, payload, isAwaited), payload.Length);
    }

    /// <summary>Applies entries, through the given one or to the first that must wait.</summary>
    /// <param name="through">Committed, and durable here.</param>
    public void Run(LogIndex through)
    {
        if (IsHalted && _head is { IsRead: true, Damage: null, MustReadAgain: false })
        {
            Context.Log.Info($"partition {store.Id}: goes on after index {raft.Applied}, for what it needs can be read again");
            Resume();
        }

        if (!IsHalted && _head is not { IsRead: false }) Apply(through);
        ReleasePayloads();
        var standing = StandsStill ? log.MemoryBytes : 0;
        if (standing == _standingReported) return;
        Interlocked.Add(ref Context.StandingBytes, standing - _standingReported);
        _standingReported = standing;
    }

    /// <summary>Has the head's records read again if they could not be read: each time for want of descriptors or memory, rarely for damage. Called now and then.</summary>
    public void RetryRead()
    {
        if (_head is not { IsRead: true } records || (IsHalted ? shard.NowMs < _readAgainAtMs : !records.MustReadAgain)) return;
        _readAgainAtMs = shard.NowMs + ReadAgainMs;
        records.IsRead = false;
        ReadHead(records);
    }

    /// <summary>A snapshot took the place of the state: nothing that was asked of the old one counts any more.</summary>
    public void OnInstalled()
    {
        _head = null;
        if (IsHalted) Resume();
    }

    private void Resume()
    {
        status.Halt = null;
        raft.AllowLeading();
    }

    private void Apply(LogIndex through)
    {
        WaitsForRoom = false;
        var left = 0;
        for (var index = raft.Applied.Next; index <= through; index = index.Next)
        {
            if (left-- == 0)
            {
                left = Portion;
                WaitsForRoom = Context.Storage().IsFull;
                if (WaitsForRoom) return;
            }

            var records = _head;
            Invariant.Check(records is null || records.Index == index);
            if (records is { MustReadAgain: true }) return; // with the next tick
            if (records?.Damage is { } damage)
            {
                Halt(damage);
                return;
            }

            var term = raft.Log.TermAt(index);
            Invariant.Check(log.TryGet(index, out var payload)); // an entry stays in memory until it is applied
            var isAwaited = writes.IsAwaited(index, term);
            if (!StateMachine.TryApply(store, term, index, payload, isAwaited, records, out var outcome))
            {
                Park(new EntryRecords(index, payload, isAwaited));
                return;
            }

            _head = null;
            if ((EntryKind)payload[0] == EntryKind.Configuration) raft.ApplyConfiguration(RaftConfiguration.Decode(payload[EntryHeader.Size..]));
            raft.OnApplied(index);
            writes.OnApplied(index, term, outcome, isAwaited ? HoldersOf(index) : default);
        }
    }

    /// <summary>Only to bring the blocks into the cache: what is read now may be written again before the entry is applied.</summary>
    private void ReadAhead(EntryRecords records, int bytes) => Context.ColdReads.TryPost(store.Id, bytes, () => records.Read(store));

    private void Park(EntryRecords records)
    {
        _head = records;
        ReadHead(records);
    }

    private void ReadHead(EntryRecords records) => Context.ColdReads.Post(store.Id, () =>
    {
        records.Read(store);
        shard.Post(new ShardEvent(ShardEventKind.RecordsRead, records, store.Id));
    });

    /// <summary>
    /// Log and vote are intact, so the replica goes on taking entries and voting. It answers no reads, for it falls behind, and leads
    /// nothing.
    /// </summary>
    private void Halt(CorruptionException damage)
    {
        status.Halt = new PartitionHalt(store.Id, raft.Applied, damage);
        _readAgainAtMs = shard.NowMs + ReadAgainMs;
        Context.Counters.AddPartitionHalt();
        Context.Log.Warn($"partition {store.Id}: halted after index {raft.Applied}, until it is rebuilt: {damage.Message}");
        writes.OnHalted();
        raft.ForbidLeading(shard.NowMs);
    }

    /// <summary>The replicas that are known to hold an entry durably: only this one if another primary had it committed.</summary>
    private NodeList HoldersOf(LogIndex index)
    {
        var holders = default(NodeList).With(Context.Self.Value);
        if (raft.Role != RaftRole.Leader) return holders;
        foreach (var member in raft.Configuration.Voters)
        {
            if (member.Replica != raft.Self && raft.TryGetProgress(member.Replica, out var progress) && progress.Match >= index)
                holders = holders.With(member.Node.Value);
        }

        return holders;
    }

    private void ReleasePayloads()
    {
        var through = raft.Applied;
        if (through < log.FirstInMemory) return;
        if (raft.Role == RaftRole.Leader && log.MemoryBytes < KeepForFollowersBytes)
        {
            foreach (var member in raft.Configuration.Voters)
            {
                if (member.Replica != raft.Self && raft.TryGetProgress(member.Replica, out var progress))
                    through = LogIndex.Min(through, progress.Match);
            }
        }

        log.ReleaseThrough(through);
    }
}

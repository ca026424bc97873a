using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using Shouldly;

namespace KvStore.Tests.Raft;

/// <summary>
/// The driver of one <see cref="RaftNode"/> in tests: keeps payloads, a disk with delayed durability, and a state machine that digests
/// what it applies. Everything it sends goes into <see cref="Sent"/>.
/// </summary>
internal sealed class RaftReplica
{
    private readonly RaftOptions _options;
    private readonly Prng _random;
    private readonly TestDisk _disk;
    private readonly RaftReady _ready = new();
    private readonly List<(ulong Write, Packet Packet)> _held = [];
    private List<TestEntry> _log = [];
    private LogIndex _logStart;

    public RaftReplica(ReplicaId id, RaftConfiguration configuration, RaftOptions options, ulong seed)
    {
        Id = id;
        _options = options;
        _random = new Prng(seed);
        _disk = new TestDisk(new TestSnapshot(LogIndex.Zero, Term.Zero, 0, configuration));
        State = _disk.Snapshot;
        Node = Start();
    }

    public ReplicaId Id { get; }

    public RaftNode Node { get; private set; }

    /// <summary>The state machine now.</summary>
    public TestSnapshot State { get; private set; }

    public List<Packet> Sent { get; } = [];

    /// <summary>Messages that wait for the disk.</summary>
    public IEnumerable<Packet> Held => _held.Select(h => h.Packet);

    public List<ulong> ConfirmedReads { get; } = [];

    public bool ReadsLost { get; set; }

    public int PendingWrites => _disk.Pending;

    /// <summary>Called for every entry applied.</summary>
    public Action<RaftReplica, LogIndex, TestEntry> OnApply { get; set; } = static (_, _, _) => { };

    /// <summary>Called for every piece of work, in words.</summary>
    public Action<string> Trace { get; set; } = static _ => { };

    /// <summary>Entries that it can take from one message.</summary>
    public int Room { get; set; } = int.MaxValue;

    public LogIndex LastIndex => _logStart + (ulong)_log.Count;

    public TestEntry EntryAt(LogIndex index) => _log[(int)(index - _logStart) - 1];

    public ProposeResult Propose(ulong payload, int size, out LogIndex index)
    {
        var result = Node.Propose(size, out index);
        if (result == ProposeResult.Accepted) Append(index, new TestEntry(Node.Term, payload, size));
        return result;
    }

    public ProposeResult Propose(ConfigurationChange change, out LogIndex index)
    {
        var next = ConfigurationChange.Apply(Node.Configuration, change);
        var result = Node.ProposeConfiguration(0, out index);
        if (result == ProposeResult.Accepted) Append(index, new TestEntry(Node.Term, 0, 0, next.At(index)));
        return result;
    }

    public void Deliver(Packet packet, long nowMs)
    {
        if (packet.Snapshot is { } snapshot)
        {
            Install(snapshot);
            return;
        }

        var metas = new EntryMeta[packet.Entries.Length];
        for (var i = 0; i < metas.Length; i++) metas[i] = packet.Entries[i].Meta;
        var decision = Node.Step(packet.Message, metas, nowMs, Room);
        if (!decision.Accepted) return;
        if (decision.TruncateFrom is { } cut)
        {
            Trace($"cut from {cut}");
            _disk.Truncate(cut);
            _log.RemoveRange((int)(cut.Previous - _logStart), (int)(LastIndex - cut.Previous));
        }

        for (var i = 0; i < decision.NewCount; i++)
            Append(LastIndex.Next, packet.Entries[decision.FirstNew + i]);
    }

    /// <summary>Does the work at hand until there is none; messages that need not wait go out.</summary>
    public void Pump()
    {
        while (Node.HasReady)
        {
            Node.TakeReady(_ready);
            if (_ready.RoleChanged) Trace($"{Node.Role} term={Node.Term} leader={Node.Leader.Value}");
            if (_ready.NoOpIndex is { } noOp) Append(noOp, new TestEntry(Node.Term, 0, 0));
            if (_ready.HardState is { } hardState)
            {
                if (_ready.MustPersistHardState) Trace($"save term={hardState.Term} vote={hardState.Vote.Value}");
                _disk.Save(hardState);
            }

            foreach (var message in _ready.Messages) Post(message);
            foreach (var follower in _ready.NeedSnapshot) SendSnapshot(follower);
            if (_ready.ConfirmedReads.Count > 0) Trace($"reads confirmed: {string.Join(' ', _ready.ConfirmedReads)}");
            ConfirmedReads.AddRange(_ready.ConfirmedReads);
            if (_ready.ReadsLost)
            {
                ReadsLost = true;
                Trace("reads lost");
            }

            ApplyThrough(_ready.CommitThrough);
        }
    }

    /// <summary>Makes the oldest writes durable, reports them, and releases the messages that waited.</summary>
    public void Sync(int writes = int.MaxValue)
    {
        foreach (var notice in _disk.Sync(writes)) Report(notice);
        ReleaseHeld();
    }

    /// <summary>As <see cref="Sync"/>, but the notices and messages stay behind and are returned.</summary>
    public List<TestDisk.Notice> SyncSilently(int writes = int.MaxValue) => _disk.Sync(writes);

    public void Report(TestDisk.Notice notice)
    {
        if (notice.Index is { } index) Node.OnDurable(notice.Term, index);
        else Node.OnHardStateDurable(notice.Term);
    }

    public void ReleaseHeld()
    {
        Sent.AddRange(_held.Where(h => h.Write <= _disk.DurableWrite).Select(h => h.Packet));
        _held.RemoveAll(h => h.Write <= _disk.DurableWrite);
    }

    public void Compact(LogIndex through)
    {
        if (through != State.Index) return;
        _disk.Install(State, keepLog: true);
        Node.CompactLog(through);
        _log.RemoveRange(0, (int)(through - _logStart));
        _logStart = through;
    }

    /// <summary>Power loss and restart; the first <paramref name="survivors"/> queued writes made it to the disk unreported.</summary>
    public void Crash(int survivors)
    {
        _disk.Lose(survivors);
        _held.Clear();
        Sent.Clear();
        ConfirmedReads.Clear();
        ReadsLost = false;
        State = _disk.Snapshot;
        Node = Start();
    }

    private RaftNode Start()
    {
        _log = [.. _disk.Log];
        _logStart = _disk.Snapshot.Index;
        var log = new RaftLog(_disk.Snapshot.Index, _disk.Snapshot.Term);
        foreach (var entry in _log) log.Append(entry.Term, entry.Size, entry.Configuration is not null);
        return new RaftNode(
            _options, Id, _disk.Snapshot.Configuration, _disk.HardState, log, _disk.Snapshot.Index, log.LastIndex, _random.Fork());
    }

    private void Append(LogIndex index, TestEntry entry)
    {
        index.ShouldBe(LastIndex.Next);
        _log.Add(entry);
        _disk.Append(Node.Term, index, entry);
    }

    private void Post(OutgoingMessage outgoing)
    {
        var message = outgoing.Message;
        var entries = new TestEntry[message.EntryCount];
        for (var i = 0; i < entries.Length; i++) entries[i] = EntryAt(message.Index + (ulong)i + 1);
        var packet = new Packet(message, entries);
        var waits = outgoing.AfterDurable && _disk.Pending > 0;
        Trace($"{(waits ? "hold" : "send")} {packet}");
        if (waits) _held.Add((_disk.LastWrite, packet));
        else Sent.Add(packet);
    }

    private void SendSnapshot(ReplicaId to)
    {
        var packet = new Packet(new RaftMessage { From = Id, To = to }, [], State);
        Trace($"send {packet}");
        Sent.Add(packet);
    }

    private void Install(TestSnapshot snapshot)
    {
        if (snapshot.Index <= Node.Applied) return;
        foreach (var notice in _disk.Sync(int.MaxValue)) Report(notice);
        ReleaseHeld();
        var kept = Node.OnSnapshotInstalled(snapshot.Index, snapshot.Term, snapshot.Configuration);
        _disk.Install(snapshot, kept);
        if (kept) _log.RemoveRange(0, (int)(snapshot.Index - _logStart));
        else _log.Clear();
        _logStart = snapshot.Index;
        State = snapshot;
        Trace($"install {snapshot.Index}/{snapshot.Term} {(kept ? "keep" : "drop")} log");
    }

    private void ApplyThrough(LogIndex through)
    {
        if (State.Index >= through) return;
        while (State.Index < through)
        {
            var index = State.Index.Next;
            var entry = EntryAt(index);
            State = State with { Index = index, Term = entry.Term, Digest = State.DigestAfter(entry) };
            if (entry.Configuration is { } configuration)
            {
                State = State with { Configuration = configuration };
                Trace($"configuration {configuration}");
                Node.ApplyConfiguration(configuration);
            }

            OnApply(this, index, entry);
            Node.OnApplied(index);
        }

        Trace($"applied {through}");
    }
}

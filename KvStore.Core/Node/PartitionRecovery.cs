using KvStore.Core.Primitives;
using KvStore.Core.Raft;
using KvStore.Core.Storage;
using KvStore.Core.Storage.Wal;

namespace KvStore.Core.Node;

/// <summary>
/// Rebuilds one partition's log from the WAL. The storage engine's manifest alone says what is applied:
/// entries at or below that are kept by address only, for followers, and a log that does not hold the applied entry is dropped.
/// </summary>
internal sealed class PartitionRecovery(PartitionStore store)
{
    private readonly AppliedState _applied = store.Durable;
    private readonly List<EntryMeta> _entries = [];
    private LogIndex _first = new(1);
    private Term? _termBeforeFirst = Term.Zero;
    private HardStateRecord _hardState;

    public PartitionStore Store { get; } = store;

    public PayloadLog Log { get; } = new();

    /// <summary>The greatest timestamp of any entry kept.</summary>
    public ulong LastTicks { get; private set; } = store.Durable.LogTime;

    /// <summary>
    /// The WAL holds entries that are not this partition's log any more, and does not say so: before anything follows it must be told that
    /// the log starts anew behind the applied entry. Else the next recovery would take old and new entries for one log and drop both.
    /// </summary>
    public bool MustRestartLog { get; private set; }

    private LogIndex Last => new(_first.Value + (ulong)_entries.Count - 1);

    public void OnHardState(in HardStateRecord state) => _hardState = state;

    public void OnEntry(Term term, LogIndex index, WalAddress address, ReadOnlySpan<byte> payload)
    {
        if (_entries.Count == 0 ? index != _first : index > Last.Next) Restart(index);
        else if (index <= Last) OnTruncate(index);
        _entries.Add(new EntryMeta(term, payload.Length, payload.Length > 0 && (EntryKind)payload[0] == EntryKind.Configuration));
        if (index <= _applied.Index && Log.FirstInMemory == index)
        {
            Log.AppendAddress(index, address);
            return;
        }

        Log.Append(index, payload);
        Log.SetAddress(index, address);
        if (payload.Length >= EntryHeader.Size) LastTicks = Math.Max(LastTicks, EntryHeader.Read(payload).Ticks);
    }

    public void OnTruncate(LogIndex from)
    {
        if (_entries.Count == 0 || from > Last) return;
        if (from < _first)
        {
            Restart(from);
            return;
        }

        _entries.RemoveRange((int)(from - _first), (int)(Last - from) + 1);
        Log.TruncateFrom(from);
    }

    /// <summary>The log goes on after a snapshot.</summary>
    public void OnAppliedSnapshot(LogIndex index, Term term)
    {
        Restart(index.Next);
        _termBeforeFirst = term;
    }

    /// <summary>The Raft node as it stood when its last durable record was written.</summary>
    public RaftNode Finish(RaftOptions options, ReplicaId self, Prng random)
    {
        var keep = KeepLog();
        MustRestartLog = !keep && _entries.Count > 0;
        var log = keep ? WithEntries() : Dropped();
        var commit = LogIndex.Min(LogIndex.Max(_hardState.Commit, _applied.Index), log.LastIndex);
        var hardState = new HardState(_hardState.Term, new ReplicaId(_hardState.Vote), commit);
        return new RaftNode(
            options, self, RaftConfiguration.Decode(Store.Configuration), hardState, log, _applied.Index, log.LastIndex, random);
    }

    /// <summary>Local reads show this node's own fast writes again: they may have been acknowledged.</summary>
    public void RebuildOverlay(RaftLog log, NodeId self)
    {
        for (var index = _applied.Index.Next; index <= log.LastIndex; index = index.Next)
        {
            if (!Log.TryGet(index, out var payload)) continue;
            var header = EntryHeader.Read(payload);
            if (header is { Kind: EntryKind.Write, Fast: true } && header.Origin == self)
                StateMachine.ShowInOverlay(Store, log.TermAt(index), index, payload);
        }
    }

    // The entry before the first kept one may stand in a segment that was recycled: then it was applied by the entries' own log, and the
    // manifest tells its term. But the terms of a log never fall: entries of an earlier term than the applied one are those of an older log,
    // in the place of which a snapshot came.
    private bool KeepLog()
    {
        if (_entries.Count == 0 || (_applied.Index < _first && _entries[0].Term < _applied.Term)) return false;
        if (_applied.Index.Next == _first) return (_termBeforeFirst ??= _applied.Term) == _applied.Term;
        if (_applied.Index < _first) return false;
        return _applied.Index <= Last && _entries[(int)(_applied.Index - _first)].Term == _applied.Term;
    }

    /// <summary>The oldest entry whose predecessor is not known serves as the log's starting point: its own term is known.</summary>
    private RaftLog WithEntries()
    {
        var log = new RaftLog();
        var skip = 0;
        if (_termBeforeFirst is { } before)
        {
            log.Reset(_first.Previous, before);
        }
        else
        {
            log.Reset(_first, _entries[0].Term);
            Log.CompactThrough(_first);
            skip = 1;
        }

        for (var i = skip; i < _entries.Count; i++) log.Append(_entries[i].Term, _entries[i].Size, _entries[i].IsConfiguration);
        return log;
    }

    private RaftLog Dropped()
    {
        var log = new RaftLog();
        log.Reset(_applied.Index, _applied.Term);
        Log.Reset(_applied.Index.Next);
        return log;
    }

    private void Restart(LogIndex first)
    {
        _entries.Clear();
        _first = first;
        _termBeforeFirst = first.Value == 1 ? Term.Zero : null;
        Log.Reset(first);
    }
}

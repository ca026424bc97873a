using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Protocol.Messages;

namespace KvStore.Core.Node;

/// <summary>
/// The writes of one partition that have an index and whose callers wait, and the fast ones that were acknowledged and are not committed.
/// </summary>
/// <remarks>
/// A write that entered the log is never answered "not applied" because leadership was lost: it may still be committed by the next leader.
/// It ends when its index is committed, with this entry (success) or with another (never any effect), or at its deadline (unknown).
/// </remarks>
internal sealed class PartitionWrites(NodeContext context)
{
    private readonly List<Pending> _strong = [];
    private readonly List<Pending> _fast = [];
    private readonly Queue<Acknowledged> _atRisk = new();

    private readonly record struct Pending(LogIndex Index, Term Term, ulong Ticks, PendingWrite Operation);

    private readonly record struct Acknowledged(LogIndex Index, int Bytes, long AtNs);

    /// <summary>Index of the newest fast write that was acknowledged; quorum reads wait until it is applied.</summary>
    public LogIndex NewestAcknowledged { get; private set; }

    /// <summary>0 = no acknowledged write is waiting for a majority.</summary>
    public long OldestAtRiskNs => _atRisk.TryPeek(out var oldest) ? oldest.AtNs : 0;

    public void Add(LogIndex index, Term term, ulong ticks, PendingWrite operation)
    {
        var pending = new Pending(index, term, ticks, operation);
        if (operation.Fast)
        {
            _fast.Add(pending);
            return;
        }

        // In the order of indexes: writes of an earlier leadership, whose entries were cut, may still wait for higher ones.
        var at = _strong.Count;
        while (at > 0 && _strong[at - 1].Index > index) at--;
        _strong.Insert(at, pending);
    }

    /// <summary>The node's own WAL holds everything up to <paramref name="through"/>: fast writes are shown to local reads, then acknowledged.</summary>
    public void OnDurable(LogIndex through, PartitionStore store, NodeId self, long nowNs)
    {
        var done = 0;
        for (; done < _fast.Count && _fast[done].Index <= through; done++)
        {
            var write = _fast[done];
            if (write.Index > store.Applied.Index)
            {
                StateMachine.ShowInOverlay(store, write.Term, write.Index, write.Operation.Payload);
                _atRisk.Enqueue(new Acknowledged(write.Index, write.Operation.EntryLength, nowNs));
                context.Counters.AddAtRisk(1, write.Operation.EntryLength);
            }

            NewestAcknowledged = write.Index;
            var revision = new Revision(new Primitives.Version(write.Term, write.Index), new HybridTimestamp(write.Ticks, self));
            Finish(write, new WriteEnd(WriteVerdict.Applied, revision, write.Operation.Existed, default(NodeList).With(self.Value), default));
        }

        _fast.RemoveRange(0, done);
    }

    /// <summary>Whether somebody waits for the verdict on just this entry.</summary>
    public bool IsAwaited(LogIndex index, Term term)
    {
        for (var i = 0; i < _strong.Count && _strong[i].Index <= index; i++)
            if (_strong[i].Index == index && _strong[i].Term == term) return true;
        return false;
    }

    /// <summary>The entry at <paramref name="index"/> was applied, so it is committed: whoever waits for that index learns the verdict.</summary>
    public void OnApplied(LogIndex index, Term term, in StateMachine.Outcome outcome, NodeList holders)
    {
        var done = 0;
        for (; done < _strong.Count && _strong[done].Index <= index; done++)
        {
            var write = _strong[done];
            if (write.Index != index) Finish(write, WriteEnd.Refused(WriteVerdict.Unknown));
            else if (write.Term != term) Finish(write, WriteEnd.Refused(WriteVerdict.Superseded));
            else
            {
                Finish(write, new WriteEnd(
                    outcome.Applied ? WriteVerdict.Applied : WriteVerdict.ConditionFailed, outcome.Current, outcome.Existed, holders, default));
            }
        }

        if (done > 0) _strong.RemoveRange(0, done);
        ForgetAtRisk(index);
    }

    /// <summary>The log was cut: fast writes that nobody acknowledged yet end without a verdict; strong ones wait for their index to be decided.</summary>
    public void OnTruncated(LogIndex from)
    {
        for (var i = _fast.Count - 1; i >= 0 && _fast[i].Index >= from; i--)
        {
            Finish(_fast[i], WriteEnd.Refused(WriteVerdict.Unknown));
            _fast.RemoveAt(i);
        }

        if (NewestAcknowledged >= from) NewestAcknowledged = from.Previous;
        var keep = _atRisk.Count;
        for (var i = 0; i < keep; i++)
        {
            var write = _atRisk.Dequeue();
            if (write.Index < from) _atRisk.Enqueue(write);
            else context.Counters.AddAtRisk(-1, -write.Bytes);
        }
    }

    /// <summary>Nothing more is decided here.</summary>
    public void OnHalted()
    {
        foreach (var write in _strong) Finish(write, WriteEnd.Refused(WriteVerdict.Unknown));
        _strong.Clear();
    }

    /// <summary>The state jumped to a snapshot: what became of the entries up to it is not known here.</summary>
    public void OnSnapshot(LogIndex index)
    {
        OnHalted();
        OnTruncated(new LogIndex(1));
        NewestAcknowledged = index;
    }

    public void Expire(long nowNs)
    {
        Expire(_strong, nowNs);
        Expire(_fast, nowNs);
    }

    private void Expire(List<Pending> writes, long nowNs)
    {
        for (var i = writes.Count - 1; i >= 0; i--)
        {
            if (writes[i].Operation.DeadlineNs > nowNs) continue;
            Finish(writes[i], WriteEnd.Refused(WriteVerdict.Unknown));
            writes.RemoveAt(i);
        }
    }

    private void ForgetAtRisk(LogIndex through)
    {
        while (_atRisk.TryPeek(out var oldest) && oldest.Index <= through)
        {
            _atRisk.Dequeue();
            context.Counters.AddAtRisk(-1, -oldest.Bytes);
        }
    }

    private static void Finish(in Pending write, in WriteEnd result) => write.Operation.Completion.Complete(write.Operation, result);
}

using KvStore.Core.Primitives;
using KvStore.Core.Raft;

namespace KvStore.Core.Node;

/// <summary>
/// The quorum reads that wait at one partition's primary, and the local ones that wait for an index to be applied.
/// </summary>
/// <remarks>
/// A read captures the index it must see when it arrives, then needs a confirmation of leadership that began after that, in a term in which
/// the leader has committed an entry (Ongaro's thesis, section 6.4). One confirmation round serves every read that waited when it began.
/// </remarks>
internal sealed class PartitionReads(PartitionId id, RaftNode raft, PartitionWrites writes)
{
    private readonly Queue<ReadBarrier> _beforeRound = new();
    private readonly Queue<ReadBarrier> _inRound = new();
    private readonly Queue<ReadBarrier> _confirmed = new();
    private readonly List<ReadBarrier> _appliedOnly = [];

    public bool IsEmpty => _beforeRound.Count + _inRound.Count + _confirmed.Count + _appliedOnly.Count == 0;

    public void Add(ReadBarrier read)
    {
        if (read.AtLeast.Index != LogIndex.Zero)
        {
            if (Shows(read.AtLeast)) End(read, BarrierVerdict.Ready);
            else _appliedOnly.Add(read);
            return;
        }

        if (raft.Role != RaftRole.Leader)
        {
            End(read, BarrierVerdict.NotPrimary);
            return;
        }

        read.Required = LogIndex.Max(raft.Commit, writes.NewestAcknowledged);
        _beforeRound.Enqueue(read);
        StartRounds();
    }

    /// <summary>Joins the next confirmation round with every read that has none: refused until the leader has committed in its term.</summary>
    public void StartRounds()
    {
        while (_beforeRound.TryPeek(out var read) && raft.RequestRead() is { } round)
        {
            _beforeRound.Dequeue();

            // A new leader did not know what is committed when the read arrived; with an entry of its own term committed, it does.
            read.Required = LogIndex.Max(read.Required, raft.Commit);
            read.Round = round;
            _inRound.Enqueue(read);
        }
    }

    /// <summary>Every round up to this one is confirmed.</summary>
    public void OnConfirmed(ulong round)
    {
        while (_inRound.TryPeek(out var read) && read.Round <= round) _confirmed.Enqueue(_inRound.Dequeue());
    }

    /// <summary>Answers what has been confirmed and whose index is applied.</summary>
    public void OnApplied()
    {
        while (_confirmed.TryPeek(out var read) && raft.Applied >= read.Required) End(_confirmed.Dequeue(), BarrierVerdict.Ready);
        if (_appliedOnly.Count == 0) return;
        for (var i = _appliedOnly.Count - 1; i >= 0; i--)
        {
            if (!Shows(_appliedOnly[i].AtLeast)) continue;
            var read = _appliedOnly[i];
            _appliedOnly.RemoveAt(i);
            End(read, BarrierVerdict.Ready);
        }
    }

    /// <summary>Leadership is gone: no read may be answered from here.</summary>
    public void OnLost()
    {
        foreach (var queue in (ReadOnlySpan<Queue<ReadBarrier>>)[_beforeRound, _inRound, _confirmed])
        {
            while (queue.TryDequeue(out var read)) End(read, BarrierVerdict.NotPrimary);
        }
    }

    public void Expire(long nowNs)
    {
        foreach (var queue in (ReadOnlySpan<Queue<ReadBarrier>>)[_beforeRound, _inRound, _confirmed])
        {
            for (var left = queue.Count; left > 0; left--)
            {
                var read = queue.Dequeue();
                if (read.DeadlineNs > nowNs) queue.Enqueue(read);
                else End(read, BarrierVerdict.Expired);
            }
        }

        for (var i = _appliedOnly.Count - 1; i >= 0; i--)
        {
            if (_appliedOnly[i].DeadlineNs > nowNs) continue;
            var read = _appliedOnly[i];
            _appliedOnly.RemoveAt(i);
            End(read, BarrierVerdict.Expired);
        }
    }

    /// <summary>
    /// Whether a local read sees every acknowledged write through an entry. The overlay holds fast writes only, so what it shows counts where
    /// nothing else above the applied index can have been acknowledged: at a primary that has applied an entry of its term, and for entries of
    /// that term. (A primary that was deposed and does not know it goes on to acknowledge fast writes: their indexes say nothing of the later
    /// primary's entry at the same index.)
    /// </summary>
    private bool Shows(in Primitives.Version entry) => raft.Applied >= entry.Index
        || (raft.Role == RaftRole.Leader && raft.Log.TermAt(raft.Applied) == raft.Term && entry.Term == raft.Term && writes.NewestAcknowledged >= entry.Index);

    private void End(ReadBarrier read, BarrierVerdict verdict) =>
        read.Completion.OnBarrier(id, verdict, raft.Configuration.Find(raft.Leader)?.Node ?? default);
}

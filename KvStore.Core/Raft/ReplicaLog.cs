using KvStore.Core.Primitives;

namespace KvStore.Core.Raft;

/// <summary>
/// The log of this replica and how far it is: committed, applied, durable here, and checked against the leader of the term.
/// </summary>
internal sealed class ReplicaLog
{
    private Term _cutIn;
    private LogIndex _cutFrom = new(ulong.MaxValue);

    public ReplicaLog(RaftLog entries, LogIndex commit, LogIndex applied, LogIndex durable)
    {
        Invariant.Check(applied >= entries.SnapshotIndex && applied <= durable && durable <= entries.LastIndex);
        Entries = entries;
        Applied = applied;
        Durable = durable;
        Commit = LogIndex.Max(applied, LogIndex.Min(commit, entries.LastIndex));
        RaiseCommitByConfigurations();
    }

    public RaftLog Entries { get; }

    public LogIndex Commit { get; private set; }

    public LogIndex Applied { get; private set; }

    public LogIndex Durable { get; private set; }

    /// <summary>The log equals that of the leader of the present term through here, as far as that leader showed it.</summary>
    public LogIndex Matched { get; private set; }

    /// <summary>Only what is durable on this very replica is applied.</summary>
    public LogIndex Applicable => LogIndex.Min(Commit, Durable);

    /// <summary>A configuration is decided that this replica does not act by yet.</summary>
    public bool HasUnappliedConfiguration => Entries.ConfigurationBefore(Commit.Next) > Applied;

    /// <summary>Whether a candidate's log is at least as new as this one (Raft paper, 5.4.1).</summary>
    public bool IsCoveredBy(LogIndex lastIndex, Term lastTerm) =>
        lastTerm > Entries.LastTerm || (lastTerm == Entries.LastTerm && lastIndex >= Entries.LastIndex);

    public void ForgetMatch() => Matched = LogIndex.Zero;

    public void RaiseCommit(LogIndex index)
    {
        Invariant.Check(index <= Entries.LastIndex);
        Commit = LogIndex.Max(Commit, index);
    }

    public void RaiseApplied(LogIndex index)
    {
        Invariant.Check(index <= Applicable);
        Applied = LogIndex.Max(Applied, index);
    }

    public void CompactThrough(LogIndex index)
    {
        Invariant.Check(index <= Applied);
        Entries.CompactThrough(index);
    }

    /// <summary>Whether the message's previous entry is here; what is committed needs no proof, every leader has it.</summary>
    public bool HasPrevious(in RaftMessage append) =>
        append.Index <= Commit || Entries.Holds(append.Index, append.LogTerm);

    /// <summary>
    /// Takes the entries of an append whose previous entry is here. False, and no change, if the message contradicts what this term's
    /// leader showed before or what is committed: no correct leader sends that.
    /// </summary>
    public bool TryAccept(in RaftMessage append, ReadOnlySpan<EntryMeta> entries, Term term, out AppendDecision decision)
    {
        decision = default;
        var offset = 0;
        LogIndex? cut = null;
        for (; offset < entries.Length; offset++)
        {
            var index = append.Index + (ulong)offset + 1;
            if (index <= Entries.SnapshotIndex) continue;
            if (index > Entries.LastIndex) break;
            if (Entries.TermAt(index) == entries[offset].Term) continue;
            if (index <= Commit || index <= Matched) return false;
            cut = index;
            break;
        }

        var before = cut is { } first ? Entries.TermAt(first.Previous) : Entries.LastTerm;
        if (offset < entries.Length && entries[offset].Term < before) return false;
        if (cut is { } from) Cut(from, term);
        foreach (ref readonly var entry in entries[offset..]) Entries.Append(entry.Term, entry.Size, entry.IsConfiguration);
        var last = append.Index + (ulong)entries.Length;
        Matched = LogIndex.Max(LogIndex.Max(Matched, last), Commit);
        RaiseCommit(LogIndex.Min(append.Commit, Matched));
        RaiseCommitByConfigurations();
        decision = new AppendDecision(true, cut, offset, entries.Length - offset);
        return true;
    }

    /// <summary>
    /// The disk holds the log through <paramref name="index"/> as it was under <paramref name="term"/>. A later cut may have replaced
    /// some of that, even by entries that look the same:
    /// 1. term 1: entry 5 arrives, its write starts. 2. term 2: another entry 5 replaces it, its write queues. 3. term 3: the first
    /// entry 5 comes back, its write queues. 4. The notice of write 1 arrives and names an entry 5 of term 1, as the log has now; but the
    /// disk goes on to hold that of term 2. Acknowledged now, it would be lost in a crash after write 2.
    /// So a notice from before the last cut counts only below the lowest cut. Within its own term a notice is always good: entries
    /// accepted from a term's leader are not cut in that term. What was written with or after the cut is reported under its term or a later one.
    /// </summary>
    public bool RaiseDurable(Term term, LogIndex index)
    {
        if (term < _cutIn) index = LogIndex.Min(index, _cutFrom.Previous);
        index = LogIndex.Min(index, Entries.LastIndex);
        if (index <= Durable) return false;
        Durable = index;
        return true;
    }

    /// <summary>
    /// The state is now that at <paramref name="index"/>. The log after it is kept where the log has that very entry: it may hold
    /// entries that this replica acknowledged. Otherwise the log is emptied. Returns whether it was kept.
    /// </summary>
    public bool InstallSnapshot(LogIndex index, Term snapshotTerm, Term term)
    {
        Invariant.Check(index >= Applied);
        var kept = Entries.Holds(index, snapshotTerm);

        // What is committed here is in every snapshot that reaches as far; another entry in its place is divergence.
        Invariant.Check(kept || index > Commit);
        if (kept)
        {
            Entries.CompactThrough(index);
        }
        else
        {
            Cut(index.Next, term);
            Entries.Reset(index, snapshotTerm);
            Durable = index;
        }

        Durable = LogIndex.Max(Durable, index);
        Commit = LogIndex.Max(Commit, index);
        Matched = LogIndex.Max(Matched, index);
        Applied = index;
        return kept;
    }

    private void Cut(LogIndex from, Term term)
    {
        Entries.TruncateFrom(LogIndex.Max(from, Entries.FirstIndex));
        Durable = LogIndex.Min(Durable, from.Previous);
        _cutIn = term;
        _cutFrom = LogIndex.Min(_cutFrom, from);
    }

    // A leader proposes a configuration only after it applied the one before (RaftNode.ProposeConfiguration), so a second one in the log
    // proves the first committed. After a restart with an old commit index this is what keeps a replica from campaigning by a
    // configuration two steps back, whose majorities need not meet the present ones.
    private void RaiseCommitByConfigurations() => RaiseCommit(Entries.ConfigurationBefore(Entries.LastConfiguration));
}

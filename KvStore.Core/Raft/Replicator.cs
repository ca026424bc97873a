using KvStore.Core.Primitives;

namespace KvStore.Core.Raft;

/// <summary>
/// The part of a leader that feeds the followers: what each has, what may be sent to it, and which index a majority holds.
/// </summary>
internal sealed class Replicator(RaftOptions options, ReplicaId self, RaftLog log, Outbox outbox)
{
    public List<FollowerProgress> Followers { get; } = new(8);

    /// <summary>Followers that need a snapshot and were not named to the driver yet.</summary>
    public List<ReplicaId> NeedSnapshot { get; } = new(4);

    /// <summary>A new leader knows nothing of its followers: each is probed at the end of the log.</summary>
    public void Start(RaftConfiguration configuration)
    {
        Followers.Clear();
        NeedSnapshot.Clear();
        Adopt(configuration);
    }

    public void Stop()
    {
        Followers.Clear();
        NeedSnapshot.Clear();
    }

    /// <summary>Follows a change of the configuration: new members are probed, gone ones forgotten.</summary>
    public void Adopt(RaftConfiguration configuration)
    {
        for (var i = Followers.Count - 1; i >= 0; i--)
            if (!configuration.Contains(Followers[i].Replica)) Followers.RemoveAt(i);
        foreach (var member in configuration.Voters) Add(member.Replica);
        foreach (var member in configuration.VotersOutgoing) Add(member.Replica);
        foreach (var member in configuration.Learners) Add(member.Replica);
    }

    public FollowerProgress? Find(ReplicaId replica)
    {
        foreach (var follower in Followers)
            if (follower.Replica == replica) return follower;
        return null;
    }

    /// <summary>The highest index that a majority (of both halves) holds durably; the leader itself holds <paramref name="durable"/>.</summary>
    public LogIndex MajorityIndex(RaftConfiguration configuration, LogIndex durable)
    {
        var index = MajorityIndex(configuration.Voters.AsSpan(), durable);
        return configuration.IsJoint
            ? LogIndex.Min(index, MajorityIndex(configuration.VotersOutgoing.AsSpan(), durable))
            : index;
    }

    /// <summary>Sends every follower what its state and window allow.</summary>
    public void Send(Term term, LogIndex commit, long lastSeenMs)
    {
        foreach (var follower in Followers)
        {
            if (follower.State == ProgressState.Probe) SendProbe(follower, term, commit, lastSeenMs);
            else if (follower.State == ProgressState.Replicate) SendWindow(follower, term, commit, lastSeenMs);
        }
    }

    /// <summary>A refused append: the logs part at or before its previous entry. Backs up by whole terms (Raft paper, 5.3).</summary>
    public void OnRejected(FollowerProgress follower, in RaftMessage reply, long nowMs)
    {
        var isCurrent = follower.State == ProgressState.Replicate
            || (follower.State == ProgressState.Probe && reply.Index == follower.Next.Previous);
        if (isCurrent && reply.Index > follower.Match)
        {
            var hint = LogIndex.Min(reply.Hint, reply.Index.Previous);
            follower.Probe(log.LastAtOrBelow(hint, reply.LogTerm).Next);
        }

        follower.Heard(nowMs);
    }

    /// <summary>An append that the follower had no room for. Of those that were under way together the first counts.</summary>
    public void OnBusy(FollowerProgress follower, in RaftMessage reply, long nowMs)
    {
        var isCurrent = follower.State == ProgressState.Replicate
            || (follower.State == ProgressState.Probe && reply.Index == follower.Next.Previous);
        if (isCurrent && !follower.IsHeld) follower.Hold(LogIndex.Min(reply.Index, log.LastIndex).Next, nowMs, options.MaxRetransmitMs);
    }

    /// <summary>Takes what was not answered in time for lost. True if there is something to send.</summary>
    public bool Tick(long nowMs)
    {
        var expired = false;
        foreach (var follower in Followers)
        {
            expired |= nowMs >= follower.NoticeDueMs;
            if (!follower.Timer.HasExpired(nowMs, follower.RetransmitMs)) continue;
            follower.Retry(options.MaxRetransmitMs);
            expired = true;
        }

        return expired;
    }

    public long NextDeadlineMs()
    {
        var deadline = long.MaxValue;
        foreach (var follower in Followers) deadline = Math.Min(deadline, Math.Min(follower.Timer.AtMs, follower.NoticeDueMs));
        return deadline;
    }

    private void Add(ReplicaId replica)
    {
        if (replica != self && Find(replica) is null)
            Followers.Add(new FollowerProgress(replica, log.LastIndex.Next, options.RetransmitMs));
    }

    private LogIndex MajorityIndex(ReadOnlySpan<Member> voters, LogIndex durable)
    {
        Span<ulong> matches = stackalloc ulong[RaftConfiguration.MaxMembers];
        matches = matches[..voters.Length];
        for (var i = 0; i < voters.Length; i++)
            matches[i] = voters[i].Replica == self ? durable.Value : Find(voters[i].Replica)!.Match.Value;
        return new LogIndex(Quorum.MajorityValue(matches));
    }

    private void SendProbe(FollowerProgress follower, Term term, LogIndex commit, long lastSeenMs)
    {
        if (follower.ProbeSent || !CanServe(follower)) return;
        var count = 0;
        if (!follower.ProbeEmpty && follower.Next <= log.LastIndex) count = Batch(follower.Next, Math.Min(follower.Window, options.MaxAppendBytes), out _);
        SendAppend(follower, count, term, commit);
        follower.ProbeSent = true;
        follower.Timer.Start(lastSeenMs, follower.RetransmitMs);
    }

    private void SendWindow(FollowerProgress follower, Term term, LogIndex commit, long lastSeenMs)
    {
        if (!CanServe(follower)) return;
        while (follower.Next <= log.LastIndex && follower.Inflight.Count < options.MaxInflightMessages)
        {
            var room = Math.Min(follower.Window, options.MaxInflightBytes) - follower.Inflight.Bytes;
            if (follower.Inflight.Count > 0 && log.SizeAt(follower.Next) > room) break;
            var count = Batch(follower.Next, Math.Min(room, options.MaxAppendBytes), out var bytes);
            SendAppend(follower, count, term, commit);
            follower.Next += (ulong)count;
            follower.Inflight.Add(follower.Next.Previous, bytes);
            follower.Timer.Start(lastSeenMs, follower.RetransmitMs);
        }

        // Nothing carried the newest commit index along: it goes alone, one at a time, after a while in which entries may still carry it.
        var news = LogIndex.Min(commit, follower.Next.Previous);
        if (news <= follower.SentCommit)
        {
            follower.NoticeDueMs = long.MaxValue;
            return;
        }

        if (follower.KnownCommit < follower.NoticedCommit) return;
        if (follower.NoticeDueMs == long.MaxValue) follower.NoticeDueMs = NoticeTime(lastSeenMs);
        if (lastSeenMs < follower.NoticeDueMs) return;
        follower.NoticeDueMs = long.MaxValue;
        SendAppend(follower, 0, term, commit);
        follower.NoticedCommit = follower.SentCommit;
        follower.Timer.Start(lastSeenMs, follower.RetransmitMs);
    }

    /// <summary>On round times, so that the notices of many groups share a timer, a frame and a wake-up.</summary>
    private long NoticeTime(long nowMs)
    {
        var step = Math.Max(1, options.CommitNoticeMs);
        return (nowMs + options.CommitNoticeMs + step - 1) / step * step;
    }

    private bool CanServe(FollowerProgress follower)
    {
        if (follower.Next > log.SnapshotIndex) return true;
        follower.AwaitSnapshot();
        NeedSnapshot.Add(follower.Replica);
        return false;
    }

    private void SendAppend(FollowerProgress follower, int count, Term term, LogIndex commit)
    {
        var previous = follower.Next.Previous;
        outbox.Send(follower.Replica, new RaftMessage
        {
            Type = RaftMessageType.Append,
            Term = term,
            Index = previous,
            LogTerm = log.TermAt(previous),
            Commit = commit,
            EntryCount = count,
        });
        follower.SentCommit = LogIndex.Max(follower.SentCommit, LogIndex.Min(commit, previous + (ulong)count));
    }

    private int Batch(LogIndex from, int maxBytes, out int bytes)
    {
        var count = 1;
        bytes = log.SizeAt(from);
        var available = (int)Math.Min((ulong)options.MaxAppendEntries, log.LastIndex - from + 1);
        for (; count < available; count++)
        {
            var size = log.SizeAt(from + (ulong)count);
            if (size > maxBytes - bytes) break;
            bytes += size;
        }

        return count;
    }
}

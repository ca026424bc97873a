using KvStore.Core.Primitives;

namespace KvStore.Core.Raft;

/// <summary>
/// What a leader knows of one follower, and what it waits for. Nothing is waited for once the follower has acknowledged the last entry
/// and the commit index: then the pair is silent.
/// </summary>
internal sealed class FollowerProgress(ReplicaId replica, LogIndex next, int retransmitMs)
{
    private const int FirstWindow = 16 << 10;

    private readonly int _retransmitMs = retransmitMs;

    public ReplicaId Replica { get; } = replica;

    public ProgressState State { get; private set; } = ProgressState.Probe;

    /// <summary>Acknowledged durable through here, in the leader's term.</summary>
    public LogIndex Match { get; private set; }

    public LogIndex Next { get; set; } = next;

    public InflightWindow Inflight { get; } = new();

    /// <summary>Probing: the one message allowed is under way.</summary>
    public bool ProbeSent { get; set; }

    /// <summary>Probing one that went silent: without entries, so that a dead node is not sent data again and again.</summary>
    public bool ProbeEmpty { get; private set; }

    /// <summary>The commit index the follower reported last.</summary>
    public LogIndex KnownCommit { get; private set; }

    /// <summary>The commit index it learns from what was sent, if that arrives.</summary>
    public LogIndex SentCommit { get; set; }

    /// <summary>When a commit index that no entry carried along goes alone; long.MaxValue = there is none.</summary>
    public long NoticeDueMs { get; set; } = long.MaxValue;

    /// <summary>The commit index of the newest message that carried nothing else; at most one such is under way.</summary>
    public LogIndex NoticedCommit { get; set; }

    public RetransmitTimer Timer = new();

    public int RetransmitMs { get; private set; } = retransmitMs;

    /// <summary>It had no room for what it was sent, and is left alone for a while.</summary>
    public bool IsHeld { get; private set; }

    /// <summary>How long it was left alone last; 0 once it has taken something.</summary>
    private int _holdMs;

    /// <summary>
    /// What may be under way to it, in bytes (one entry always may): from one entry on after it had no room, and with each answer twice as
    /// much, for many groups want the same room.
    /// </summary>
    public int Window { get; private set; } = int.MaxValue;

    private bool IsWaiting => State switch
    {
        ProgressState.Probe => ProbeSent,
        ProgressState.Replicate => Inflight.Count > 0 || KnownCommit < SentCommit,
        _ => false,
    };

    /// <summary>Back to one message at a time. Where the logs were known to agree it begins there, else where it was: the start of the log is no better guess.</summary>
    public void Restart(bool empty) => Probe(State == ProgressState.Replicate ? Match.Next : Next, empty);

    /// <summary>One message at a time, beginning at <paramref name="next"/> unless that is acknowledged already.</summary>
    public void Probe(LogIndex next, bool empty = false)
    {
        State = ProgressState.Probe;
        Next = LogIndex.Max(next, Match.Next);
        ProbeSent = false;
        ProbeEmpty = empty;
        IsHeld = false;
        Inflight.Clear();
        SentCommit = KnownCommit;
        NoticedCommit = LogIndex.Zero;
        NoticeDueMs = long.MaxValue;
        Timer.Stop();
    }

    /// <summary>An accepted append: the follower's log matches through <paramref name="match"/>.</summary>
    public void Acknowledge(LogIndex match, LogIndex commit, LogIndex firstRetained, long nowMs)
    {
        if (match > Match)
        {
            _holdMs = 0;
            Window = (int)Math.Min(Math.Max(FirstWindow, 2L * Window), int.MaxValue);
        }

        IsHeld = false;
        Match = LogIndex.Max(Match, match);
        Inflight.AcknowledgeThrough(match);
        if (State == ProgressState.Probe || (State == ProgressState.Snapshot && Match.Next >= firstRetained))
        {
            // A restarted follower may know less than it once reported, so its word replaces ours.
            KnownCommit = commit;
            SentCommit = commit;
            NoticedCommit = LogIndex.Zero;
            State = ProgressState.Replicate;
            Next = Match.Next;
        }
        else
        {
            KnownCommit = LogIndex.Max(KnownCommit, commit);
        }

        Next = LogIndex.Max(Next, Match.Next);
        Heard(nowMs);
    }

    /// <summary>Any answer: it is alive, so waiting starts afresh for what is still open.</summary>
    public void Heard(long nowMs)
    {
        RetransmitMs = _retransmitMs;
        if (IsHeld) return;
        if (IsWaiting) Timer.Restart(nowMs, RetransmitMs);
        else Timer.Stop();
    }

    /// <summary>Nothing is sent until an answer or a timeout.</summary>
    public void Pause(long lastSeenMs)
    {
        ProbeSent = true;
        Timer.Start(lastSeenMs, RetransmitMs);
    }

    /// <summary>Leaves it alone until it says that it has room, or for twice as long as the time before; then one entry asks again.</summary>
    /// <param name="next">Behind what is known to agree. A new leader has no acknowledgement yet that would say so.</param>
    public void Hold(LogIndex next, long nowMs, int maxMs)
    {
        _holdMs = Math.Clamp(_holdMs * 2, _retransmitMs, maxMs);
        Probe(next);
        (IsHeld, ProbeSent, Window) = (true, true, 0);
        Timer.Restart(nowMs, _holdMs);
    }

    public void AwaitSnapshot()
    {
        State = ProgressState.Snapshot;
        IsHeld = false;
        Inflight.Clear();
        NoticeDueMs = long.MaxValue;
        Timer.Stop();
    }

    /// <summary>What was sent is taken for lost; one that was left alone is asked again.</summary>
    public void Retry(int maxRetransmitMs)
    {
        if (IsHeld)
        {
            Probe(Next);
            return;
        }

        Restart(empty: true);
        RetransmitMs = Math.Min(RetransmitMs * 2, maxRetransmitMs);
    }
}

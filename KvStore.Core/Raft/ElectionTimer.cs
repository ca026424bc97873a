using KvStore.Core.Primitives;

namespace KvStore.Core.Raft;

/// <summary>When a replica campaigns next. All randomness of a group is drawn here.</summary>
internal sealed class ElectionTimer(RaftOptions options, Prng random)
{
    private const long Unset = long.MinValue;
    private const int MostWidenings = 2;

    /// <summary>In ms of the driver's clock; 0 while a first tick is needed to set it.</summary>
    public long DeadlineMs => _deadlineMs == Unset ? 0 : _deadlineMs;

    private long _deadlineMs = Unset;
    private int _lostVoteWaitMs;
    private bool _hasMetRival;
    private int _rivalries;

    /// <summary>The next tick starts a full timeout.</summary>
    public void Clear() => _deadlineMs = Unset;

    public void Set(long atMs) => _deadlineMs = atMs;

    /// <summary>A sign of life of a leader, or a vote given: one to two timeouts from now (Raft paper, 5.2).</summary>
    public void Restart(long nowMs) => _deadlineMs = nowMs + random.Next(options.ElectionTimeoutMs, 2 * options.ElectionTimeoutMs);

    /// <summary>There is a leader: what comes next is a new beginning.</summary>
    public void OnLeader() => (_hasMetRival, _rivalries) = (false, 0);

    /// <summary>A round of questions began: how long it may go without a verdict.</summary>
    public void StartCampaign(long nowMs)
    {
        _deadlineMs = nowMs + options.CampaignTimeoutMs + random.Next(1 + options.CampaignTimeoutMs / 2);

        // Drawn once a campaign: the smallest of a draw for each denial would bring rivals together again. From a wider range each time, for
        // where messages take long they would meet in a narrow one again and again.
        if (_hasMetRival) _rivalries = Math.Min(_rivalries + 1, MostWidenings);
        _hasMetRival = false;
        _lostVoteWaitMs = random.Next(options.LostVoteMinMs, options.LostVoteMaxMs << _rivalries);
    }

    /// <summary>A campaign was denied: try again soon, and not in step with a rival.</summary>
    public void Retry(long nowMs, RejectReason reason)
    {
        _hasMetRival |= reason == RejectReason.AlreadyVoted;
        var wait = reason == RejectReason.LeaderAlive ? options.LeaderAliveRetryMs : _lostVoteWaitMs;
        _deadlineMs = _deadlineMs == Unset ? nowMs + wait : Math.Min(_deadlineMs, nowMs + wait);
    }

    /// <summary>This is not the moment to campaign; look again soon.</summary>
    public void PutOff(long nowMs) => _deadlineMs = nowMs + options.LeaderAliveRetryMs;

    /// <summary>Whether it is time; sets the deadline if there is none.</summary>
    public bool HasExpired(long nowMs)
    {
        if (_deadlineMs == Unset) Restart(nowMs);
        return nowMs >= _deadlineMs;
    }
}

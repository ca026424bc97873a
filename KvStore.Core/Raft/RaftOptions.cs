namespace KvStore.Core.Raft;

/// <summary>The settings of one group. Times in milliseconds, sizes in bytes as the driver counts entries.</summary>
public sealed class RaftOptions
{
    /// <summary>A follower that hears of no leader waits one to two of these before it campaigns; a leadership transfer gives up after one.</summary>
    public int ElectionTimeoutMs { get; init; } = 1000;

    /// <summary>A campaign round that neither won nor was denied is repeated after one to one and a half of these.</summary>
    public int CampaignTimeoutMs { get; init; } = 400;

    /// <summary>A candidate denied because another replica still hears the leader asks again after this.</summary>
    public int LeaderAliveRetryMs { get; init; } = 100;

    /// <summary>A candidate that lost waits a random time from here ...</summary>
    public int LostVoteMinMs { get; init; } = 100;

    /// <summary>... to here, at first; to twice and four times this if it has met a rival again.</summary>
    public int LostVoteMaxMs { get; init; } = 300;

    /// <summary>A leader that sent something and heard nothing for this long sends again, then after twice as long, up to <see cref="MaxRetransmitMs"/>.</summary>
    public int RetransmitMs { get; init; } = 500;

    public int MaxRetransmitMs { get; init; } = 4000;

    /// <summary>A commit index waits this long, up to twice as long, for an entry that takes it along to the followers; then it goes alone. 0 = at once.</summary>
    public int CommitNoticeMs { get; init; }

    /// <summary>Sent to one follower and not acknowledged; one entry is always let through.</summary>
    public int MaxInflightBytes { get; init; } = 4 << 20;

    /// <summary>Messages with entries sent to one follower and not acknowledged.</summary>
    public int MaxInflightMessages { get; init; } = 256;

    /// <summary>Entries of one message; one entry is always let through.</summary>
    public int MaxAppendBytes { get; init; } = 256 << 10;

    public int MaxAppendEntries { get; init; } = 1024;

    /// <summary>Appended and not committed; one entry is always let through. Beyond it proposals are refused.</summary>
    public long MaxUncommittedBytes { get; init; } = 16 << 20;
}

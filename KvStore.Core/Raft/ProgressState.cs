namespace KvStore.Core.Raft;

/// <summary>How the leader feeds a follower (after etcd-io/raft, tracker).</summary>
public enum ProgressState : byte
{
    /// <summary>Where the logs agree is not known: one message at a time.</summary>
    Probe,

    /// <summary>The logs agree: messages are sent ahead of acknowledgements, within a window.</summary>
    Replicate,

    /// <summary>The entries it needs are gone from the log: nothing is sent until a snapshot has brought it up.</summary>
    Snapshot,
}

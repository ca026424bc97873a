namespace KvStore.Core.Raft;

/// <summary>The answer to a proposal. Anything but Accepted means that the entry has no index and no effect.</summary>
public enum ProposeResult : byte
{
    Accepted,

    /// <summary>No leader here, or its first entry was not yet taken with <see cref="RaftNode.TakeReady"/>.</summary>
    NotLeader,

    /// <summary>Leadership is being handed over.</summary>
    Transferring,

    /// <summary>The uncommitted entries would exceed <see cref="RaftOptions.MaxUncommittedBytes"/>.</summary>
    QuotaExceeded,

    /// <summary>An earlier configuration entry is, or may be, not applied yet.</summary>
    ConfigurationPending,
}

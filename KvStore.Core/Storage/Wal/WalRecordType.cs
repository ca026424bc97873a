namespace KvStore.Core.Storage.Wal;

/// <summary>What a record of the log says. The numbers are on disk and never change their meaning.</summary>
public enum WalRecordType : byte
{
    /// <summary>A Raft log entry: term, index, data.</summary>
    Entry = 1,

    /// <summary>Term, vote and commit index of a group.</summary>
    HardState = 2,

    /// <summary>The entries from an index on are cut from the group's log.</summary>
    Truncate = 3,

    /// <summary>A write accepted without a primary; kept until a <see cref="DetachedRelease"/> covers its LSN.</summary>
    DetachedWrite = 4,

    /// <summary>The group's detached writes up to an LSN are no longer needed.</summary>
    DetachedRelease = 5,

    /// <summary>A snapshot was installed: the group's log restarts after its (index, term), whatever it held.</summary>
    AppliedSnapshot = 6,

    /// <summary>The node holds the partition no more; nothing before this record concerns it.</summary>
    PartitionDropped = 7,

    /// <summary>The node's hybrid logical clock has promised not to issue a timestamp above this one before the next ceiling is durable.</summary>
    HlcCeiling = 8,
}

using KvStore.Core.Raft;
using KvStore.Core.Storage.Wal;

namespace KvStore.Core.Node;

/// <summary>
/// Entries that a replica cannot apply for now, because it has halted or no majority has decided them, would keep all of the node's log from
/// where they stand. They are written again at its end instead, so that what lies between can go. They are in memory, and bounded.
/// </summary>
internal sealed class PinnedLog(Shard shard, Partition partition, RaftNode raft, WriteAheadLog wal)
{
    /// <summary>What the rest of the node must have written, in bytes, before this is done once more.</summary>
    private readonly long _pauseBytes = shard.Context.Options.WalRetentionBytes / 2;

    private long _notBeforeBytes;

    /// <summary>
    /// It may be asked for again and again. What repeats does not count as written: else two partitions, whose entries alone are over the
    /// log's budget, would push each other to its end for ever.
    /// </summary>
    public void WriteAgain()
    {
        var from = raft.Applied.Next;
        var written = wal.Statistics.BytesWritten - Volatile.Read(ref shard.Context.LogBytesWrittenAgain);
        if (from > raft.Log.LastIndex || written < _notBeforeBytes || !shard.LogHasRoomFor(partition.Log.MemoryBytes)) return;
        _notBeforeBytes = written + _pauseBytes;
        Interlocked.Add(ref shard.Context.LogBytesWrittenAgain, shard.LogAgain(partition, from, raft.Log));
    }
}

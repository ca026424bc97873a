using KvStore.Core.Primitives;
using KvStore.Core.Storage.Wal;

namespace KvStore.Bench.Micro;

/// <summary>Replay of a log in a fresh directory: it holds nothing.</summary>
internal sealed class NothingToReplay : IWalReplay
{
    public void OnHardState(PartitionId partition, Lsn lsn, HardStateRecord state)
    {
    }

    public void OnEntry(PartitionId partition, Term term, LogIndex index, Lsn lsn, WalAddress address, ReadOnlySpan<byte> payload)
    {
    }

    public void OnTruncate(PartitionId partition, Lsn lsn, LogIndex from)
    {
    }

    public void OnAppliedSnapshot(PartitionId partition, Lsn lsn, LogIndex index, Term term)
    {
    }

    public void OnRecord(WalRecordType type, PartitionId partition, Lsn lsn, ReadOnlySpan<byte> payload)
    {
    }
}

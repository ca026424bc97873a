using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Storage.Wal;

namespace KvStore.Tests.Storage;

/// <summary>Hands the records of a WAL to the recoveries of the partitions, as a node does.</summary>
internal sealed class DurableReplay(IReadOnlyDictionary<PartitionId, PartitionRecovery> partitions) : IWalReplay
{
    public void OnHardState(PartitionId partition, Lsn lsn, HardStateRecord state) => partitions[partition].OnHardState(state);

    public void OnEntry(PartitionId partition, Term term, LogIndex index, Lsn lsn, WalAddress address, ReadOnlySpan<byte> payload) =>
        partitions[partition].OnEntry(term, index, address, payload);

    public void OnTruncate(PartitionId partition, Lsn lsn, LogIndex from) => partitions[partition].OnTruncate(from);

    public void OnAppliedSnapshot(PartitionId partition, Lsn lsn, LogIndex index, Term term) => partitions[partition].OnAppliedSnapshot(index, term);

    public void OnRecord(WalRecordType type, PartitionId partition, Lsn lsn, ReadOnlySpan<byte> payload)
    {
    }
}

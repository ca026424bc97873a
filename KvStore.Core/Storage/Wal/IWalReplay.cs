using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Wal;

/// <summary>
/// Receives the log's content while it is opened, in LSN order, on the opening thread. Payload spans are valid only during the call.
/// The first calls are the hard states (and the clock ceiling) with which the oldest segment starts; they carry the LSN before that segment's first.
/// Addresses are those under which the records can be read once the log is open.
/// </summary>
public interface IWalReplay
{
    void OnHardState(PartitionId partition, Lsn lsn, HardStateRecord state);

    void OnEntry(PartitionId partition, Term term, LogIndex index, Lsn lsn, WalAddress address, ReadOnlySpan<byte> payload);

    /// <summary>Entries from <paramref name="from"/> on that were reported before are gone.</summary>
    void OnTruncate(PartitionId partition, Lsn lsn, LogIndex from);

    /// <summary>All entries of the partition that were reported before are gone; its log goes on after <paramref name="index"/>.</summary>
    void OnAppliedSnapshot(PartitionId partition, Lsn lsn, LogIndex index, Term term);

    /// <summary>Any other record: detached writes and releases, dropped partitions, clock ceilings (8 bytes, HLC ticks).</summary>
    void OnRecord(WalRecordType type, PartitionId partition, Lsn lsn, ReadOnlySpan<byte> payload);
}

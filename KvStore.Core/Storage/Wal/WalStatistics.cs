namespace KvStore.Core.Storage.Wal;

/// <summary>Totals since the log was opened.</summary>
public readonly record struct WalStatistics(long Batches, long Records, long BytesWritten, long SyncNs, long SegmentsOpened, long SegmentsRecycled);

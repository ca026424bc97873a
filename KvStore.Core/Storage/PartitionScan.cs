using KvStore.Core.Io;
using KvStore.Core.Storage.Iteration;

namespace KvStore.Core.Storage;

/// <summary>
/// A scan that pins its own state, so that scans of many partitions can be open side by side and be merged.
/// For the thread that opened it; dispose it soon. The spans are valid until the next move.
/// </summary>
public sealed class PartitionScan : IDisposable
{
    private readonly ReadContext _context;
    private readonly int _lease;
    private readonly RecordCursor _cursor;
    private bool _started;

    internal PartitionScan(PartitionStore store, ReadOnlySpan<byte> start, ReadOnlySpan<byte> end, bool includeOverlay)
    {
        _context = ReadContext.Begin(store);
        _lease = _context.Lease;
        try
        {
            _cursor = _context.Scan(start, end, includeOverlay);
        }
        catch
        {
            _context.End(_lease);
            throw;
        }
    }

    /// <summary>Hybrid clock ticks of the last entry that the scan sees.</summary>
    public ulong LogTime => _context.State.LogTime;

    public ReadOnlySpan<byte> Key => StorageKey.UserKeyOf(_cursor.Key);

    public RecordInfo Info => _cursor.Info;

    public ReadOnlySpan<byte> Value => _cursor.Value;

    /// <summary>Moves to the next record, tombstones included; false at the end.</summary>
    /// <exception cref="CorruptionException">A table in the way is damaged.</exception>
    public bool MoveNext() => _context.MoveNext(_cursor, ref _started);

    public void Dispose() => _context.End(_lease);
}

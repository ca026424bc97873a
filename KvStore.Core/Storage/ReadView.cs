using KvStore.Core.Primitives;

namespace KvStore.Core.Storage;

/// <summary>
/// A pinned, consistent state of one partition: what was applied when it was pinned, and on request the overlay on top. Dispose it soon:
/// it holds memory and files. For the thread that pinned it.
/// </summary>
public readonly ref struct ReadView : IDisposable
{
    private readonly ReadContext _context;
    private readonly int _lease;

    internal ReadView(ReadContext context)
    {
        _context = context;
        _lease = context.Lease;
    }

    /// <summary>Entries up to and including this one are in the view.</summary>
    public LogIndex ReadIndex => _context.State.Index;

    /// <summary>Hybrid clock ticks of the entry at <see cref="ReadIndex"/>.</summary>
    public ulong LogTime => _context.State.LogTime;

    /// <summary>
    /// The newest record of a key. A tombstone is found too, and so is an expired record: the caller judges.
    /// The value is valid until the next call on this view or its end.
    /// </summary>
    /// <exception cref="Io.CorruptionException">A table that might hold the key is damaged.</exception>
    public bool TryGet(ReadOnlySpan<byte> key, bool includeOverlay, out RecordInfo info, out ReadOnlySpan<byte> value) =>
        _context.TryGet(key, includeOverlay, out info, out value);

    /// <summary>
    /// As <see cref="TryGet"/> without the disk: where a block that decides is not in memory, nothing is said
    /// (<see cref="Lookup.NeedsDisk"/>). Allocates nothing.
    /// </summary>
    public Lookup FindInMemory(ReadOnlySpan<byte> key, bool includeOverlay, out RecordInfo info, out ReadOnlySpan<byte> value) =>
        _context.FindInMemory(key, includeOverlay, out info, out value);

    /// <summary>The same without the value.</summary>
    public Lookup FindInMemory(ReadOnlySpan<byte> key, bool includeOverlay, out RecordInfo info) => _context.FindInMemory(key, includeOverlay, out info, out _);

    /// <summary>The newest record of each key from <paramref name="start"/> (inclusive) to <paramref name="end"/> (exclusive; empty: to the last key), tombstones included.</summary>
    public RecordIterator Scan(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end, bool includeOverlay) =>
        new(_context, _context.Scan(start, end, includeOverlay));

    public void Dispose() => _context.End(_lease);
}

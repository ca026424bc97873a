namespace KvStore.Core.Storage.MemTable;

/// <summary>
/// Memory that is taken piece by piece and given back all at once. One writer. Nothing is taken before the first piece is asked for;
/// chunks grow from 4 KiB to 256 KiB, so that a partition with little data costs little.
/// </summary>
internal sealed unsafe class Arena(ChunkPool pool)
{
    private readonly List<(nint Start, int Bytes)> _chunks = [];
    private byte* _next;
    private int _left;
    private int _nextChunkBytes = ChunkPool.SmallestChunk;

    /// <summary>Bytes taken from the pool.</summary>
    public long Bytes { get; private set; }

    /// <summary>A piece aligned to 8 bytes, of undefined content.</summary>
    public byte* Allocate(int bytes)
    {
        var size = (bytes + 7) & ~7;
        if (size > _left)
        {
            // A large piece gets memory of its own size: the rest of the current chunk is not given up for it.
            if (size > ChunkPool.LargestChunk / 4) return Take(size);
            while (_nextChunkBytes < size) _nextChunkBytes *= 2;
            _next = Take(_nextChunkBytes);
            _left = _nextChunkBytes;
            _nextChunkBytes = Math.Min(_nextChunkBytes * 2, ChunkPool.LargestChunk);
        }

        var piece = _next;
        _next += size;
        _left -= size;
        return piece;
    }

    /// <summary>Gives all memory back. Nobody may hold a pointer into it.</summary>
    public void Free()
    {
        foreach (var (start, bytes) in _chunks) pool.Return((byte*)start, bytes);
        _chunks.Clear();
        _left = 0;
        Bytes = 0;
    }

    private byte* Take(int bytes)
    {
        var chunk = pool.Rent(bytes);
        _chunks.Add(((nint)chunk, bytes));
        Bytes += bytes;
        return chunk;
    }
}

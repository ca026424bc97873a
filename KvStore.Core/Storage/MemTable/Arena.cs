namespace KvStore.Core.Storage.MemTable;

/// <summary>
/// Memory that is taken piece by piece and given back all at once. One writer. Nothing is taken before the first piece is asked for;
/// chunks grow from 4 KiB to 256 KiB, so that a partition with little data costs little.
/// </summary>
internal sealed unsafe class Arena(ChunkPool pool)
{
    private Chunk* _chunks;
    private byte* _next;
    private int _left;
    private int _nextChunkBytes = ChunkPool.SmallestChunk;

    /// <summary>What stands at the start of a chunk.</summary>
    private struct Chunk
    {
        public Chunk* Next;
        public long Bytes;
    }

    /// <summary>Bytes taken from the pool.</summary>
    public long Bytes { get; private set; }

    /// <summary>A piece aligned to 8 bytes, of undefined content.</summary>
    public byte* Allocate(int bytes)
    {
        var size = (bytes + 7) & ~7;
        if (size > _left)
        {
            // A large piece gets memory of its own size: the rest of the current chunk is not given up for it.
            if (size > ChunkPool.LargestChunk / 4) return Take(size + sizeof(Chunk));
            while (_nextChunkBytes < size + sizeof(Chunk)) _nextChunkBytes *= 2;
            _next = Take(_nextChunkBytes);
            _left = _nextChunkBytes - sizeof(Chunk);
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
        while (_chunks != null)
        {
            var chunk = _chunks;
            _chunks = chunk->Next;
            pool.Return((byte*)chunk, (int)chunk->Bytes);
        }

        _left = 0;
        Bytes = 0;
    }

    /// <summary>A new chunk; returns what follows its header.</summary>
    private byte* Take(int bytes)
    {
        var chunk = (Chunk*)pool.Rent(bytes);
        *chunk = new Chunk { Next = _chunks, Bytes = bytes };
        _chunks = chunk;
        Bytes += bytes;
        return (byte*)(chunk + 1);
    }
}

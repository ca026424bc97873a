namespace KvStore.Core.Storage.Table;

/// <summary>A held block. Whoever got it releases it once; the content may be read until then.</summary>
internal readonly unsafe struct BlockRef(CachedBlock* block, BlockCache cache)
{
    public bool IsNone => block == null;

    public ReadOnlySpan<byte> Content => CachedBlock.Content(block);

    public int Bytes => CachedBlock.Bytes(block);

    public void Release()
    {
        // What is asked of the block must be asked before the reference goes: after that it may be freed at any time.
        if (block == null) return;
        var isPrivate = block->IsPrivate;
        if (Interlocked.Decrement(ref block->References) == 0 && isPrivate) cache.Free(block);
    }
}

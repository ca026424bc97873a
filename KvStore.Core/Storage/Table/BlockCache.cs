using System.Runtime.InteropServices;
using KvStore.Core.Primitives;

namespace KvStore.Core.Storage.Table;

/// <summary>
/// Blocks of tables in unmanaged memory, within a budget of bytes that counts headers too. Split into shards by block, each with a lock
/// of its own; a hit allocates nothing. Which block goes: <see cref="CacheShard"/>.
/// </summary>
internal sealed unsafe class BlockCache : IDisposable
{
    private const byte Poison = 0xDC;
    private const long SmallestShardBytes = 4 << 20;
    private const int MaxShards = 16;

    private readonly CacheShard[] _shards;
    private readonly bool _poison;
    private long _keptBytes;

    public BlockCache(long capacityBytes, bool poison)
    {
        CapacityBytes = capacityBytes;
        _poison = poison;
        var shards = 1;
        while (shards < MaxShards && capacityBytes / (shards * 2) >= SmallestShardBytes) shards *= 2;
        _shards = new CacheShard[shards];
        for (var i = 0; i < shards; i++) _shards[i] = new CacheShard(this, capacityBytes / shards);
    }

    public long CapacityBytes { get; }

    public long UsedBytes => Volatile.Read(ref _keptBytes) + _shards.Sum(shard => shard.UsedBytes);

    public long Hits => _shards.Sum(shard => shard.Hits);

    public long Misses => _shards.Sum(shard => shard.Misses);

    /// <summary>Finds a block; the caller releases it.</summary>
    /// <param name="counts">Whether the hit is a sign that the block is worth keeping; false for scans.</param>
    public bool TryGet(ulong fileNumber, long offset, bool counts, out BlockRef block)
    {
        var hash = HashOf(fileNumber, offset);
        var found = ShardOf(hash).Find(fileNumber, offset, hash, counts);
        block = new BlockRef(found, this);
        return found != null;
    }

    /// <summary>Memory for a block that is about to be read. The caller fills it and hands it to <see cref="Insert"/> or <see cref="Free"/>.</summary>
    public CachedBlock* Allocate(int length) => CachedBlock.Allocate(length);

    /// <summary>Takes over a filled block; returns the one to use, which is an earlier one if another reader was faster.</summary>
    public BlockRef Insert(CachedBlock* block, ulong fileNumber, long offset)
    {
        var hash = HashOf(fileNumber, offset);
        block->FileNumber = fileNumber;
        block->Offset = offset;
        block->Hash = hash;
        return new BlockRef(ShardOf(hash).Insert(block), this);
    }

    /// <summary>Takes a filled block out of the cache's hands: it is freed with its last reference.</summary>
    public BlockRef KeepPrivate(CachedBlock* block)
    {
        block->IsPrivate = true;
        return new BlockRef(block, this);
    }

    /// <summary>
    /// Takes over a filled block that is to stay until <see cref="EndKeeping"/>, outside the shards, which shrink by it: at most half of the
    /// budget is given away like this. If false, the block is still the caller's.
    /// </summary>
    public bool TryKeep(CachedBlock* block, out BlockRef kept)
    {
        var bytes = CachedBlock.Bytes(block);
        if (Interlocked.Add(ref _keptBytes, bytes) > CapacityBytes / 2)
        {
            Interlocked.Add(ref _keptBytes, -bytes);
            kept = default;
            return false;
        }

        kept = KeepPrivate(block);
        return true;
    }

    public void EndKeeping(in BlockRef kept)
    {
        Interlocked.Add(ref _keptBytes, -kept.Bytes);
        kept.Release();
    }

    public void Free(CachedBlock* block)
    {
        if (_poison) CachedBlock.Content(block).Fill(Poison);
        NativeMemory.Free(block);
    }

    /// <summary>Frees everything but what is still held.</summary>
    public void Dispose()
    {
        foreach (var shard in _shards) shard.Clear();
    }

    /// <summary>What one shard may take of the budget at this moment.</summary>
    internal long ShardBytes => (CapacityBytes - Volatile.Read(ref _keptBytes)) / _shards.Length;

    private CacheShard ShardOf(ulong hash) => _shards[hash >> 60 & (ulong)(_shards.Length - 1)];

    private static ulong HashOf(ulong fileNumber, long offset)
    {
        // The finalizer of MurmurHash3.
        var h = (fileNumber * 0x9E3779B97F4A7C15) ^ (ulong)offset;
        h = (h ^ (h >> 33)) * 0xFF51AFD7ED558CCD;
        h = (h ^ (h >> 33)) * 0xC4CEB9FE1A85EC53;
        return h ^ (h >> 33);
    }
}

using System.Numerics;

namespace KvStore.Core.Storage.Table;

/// <summary>
/// One part of the block cache. Eviction is S3-FIFO (Yang et al., "FIFO Queues are All You Need for Cache Eviction", SOSP 2023): a new block
/// waits in a small queue (a tenth of the budget) and goes from there to the main queue only if it was hit, otherwise out; what left
/// early and comes back goes straight to the main queue. A scan therefore passes through the small queue and displaces little.
/// </summary>
internal sealed unsafe class CacheShard
{
    private const int BytesPerGhost = 8 << 10;
    private const byte MaxHits = 3;

    private readonly Lock _lock = new();
    private readonly BlockCache _owner;
    private readonly ulong[] _ghosts;
    private CachedBlock*[] _buckets = new CachedBlock*[256];
    private Queue _small;
    private Queue _main;
    private int _count;

    public CacheShard(BlockCache owner, long mostBytes)
    {
        _owner = owner;
        _ghosts = new ulong[BitOperations.RoundUpToPowerOf2((ulong)Math.Max(64, mostBytes / BytesPerGhost))];
    }

    public long UsedBytes => Volatile.Read(ref _small.Bytes) + Volatile.Read(ref _main.Bytes);

    public long Hits { get; private set; }

    public long Misses { get; private set; }

    /// <summary>First in, first out; linked through the blocks.</summary>
    private struct Queue
    {
        public long Bytes;
        private CachedBlock* _first;
        private CachedBlock* _last;

        public readonly bool IsEmpty => _first == null;

        public void Add(CachedBlock* block)
        {
            block->NextInQueue = null;
            if (_first == null) _first = block;
            else _last->NextInQueue = block;
            _last = block;
            Bytes += CachedBlock.Bytes(block);
        }

        public CachedBlock* Take()
        {
            var block = _first;
            _first = block->NextInQueue;
            Bytes -= CachedBlock.Bytes(block);
            return block;
        }
    }

    /// <summary>The block with a reference for the caller, or null.</summary>
    public CachedBlock* Find(ulong fileNumber, long offset, ulong hash, bool counts)
    {
        lock (_lock)
        {
            var block = InBucket(fileNumber, offset, hash);
            if (block == null)
            {
                Misses++;
                return null;
            }

            Hits++;
            Interlocked.Increment(ref block->References);
            if (counts && block->Hits < MaxHits) block->Hits++;
            return block;
        }
    }

    /// <summary>Adds a block that holds one reference, the caller's; returns the one to use.</summary>
    public CachedBlock* Insert(CachedBlock* block)
    {
        var bytes = CachedBlock.Bytes(block);
        lock (_lock)
        {
            var present = InBucket(block->FileNumber, block->Offset, block->Hash);
            if (present != null)
            {
                Interlocked.Increment(ref present->References);
                _owner.Free(block);
                return present;
            }

            var capacity = _owner.ShardBytes;
            if (bytes > capacity / 4)
            {
                block->IsPrivate = true;
                return block;
            }

            MakeRoom(capacity, bytes);
            if (_count >= _buckets.Length) Grow();
            ref var bucket = ref _buckets[BucketOf(block->Hash)];
            block->NextInBucket = bucket;
            bucket = block;
            _count++;
            ref var ghost = ref _ghosts[block->Hash & (ulong)(_ghosts.Length - 1)];
            block->IsInMain = ghost == block->Hash;
            if (block->IsInMain)
            {
                ghost = 0;
                _main.Add(block);
            }
            else
            {
                _small.Add(block);
            }

            return block;
        }
    }

    /// <summary>Frees everything; what is still held goes with its last reader.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            while (!_small.IsEmpty) DropOrLeave(_small.Take());
            while (!_main.IsEmpty) DropOrLeave(_main.Take());
        }
    }

    private void DropOrLeave(CachedBlock* block)
    {
        if (Volatile.Read(ref block->References) == 0) Drop(block);
        else block->IsPrivate = true;
    }

    /// <summary>Evicts until the block fits. Blocks that are held go round; if all are, the budget is exceeded for a while.</summary>
    private void MakeRoom(long capacity, int bytes)
    {
        for (var tries = _count * (MaxHits + 1); tries > 0 && UsedBytes + bytes > capacity; tries--)
        {
            if (!_small.IsEmpty && (_small.Bytes > capacity / 10 || _main.IsEmpty)) EvictFromSmall();
            else EvictFromMain();
        }
    }

    /// <summary>What is held goes to the main queue as well: the small one must shrink, or main would never be asked for room.</summary>
    private void EvictFromSmall()
    {
        var block = _small.Take();
        if (block->Hits > 0 || Volatile.Read(ref block->References) > 0)
        {
            block->Hits = 0;
            block->IsInMain = true;
            _main.Add(block);
        }
        else
        {
            _ghosts[block->Hash & (ulong)(_ghosts.Length - 1)] = block->Hash;
            Drop(block);
        }
    }

    private void EvictFromMain()
    {
        var block = _main.Take();
        if (block->Hits > 0 || Volatile.Read(ref block->References) > 0)
        {
            if (block->Hits > 0) block->Hits--;
            _main.Add(block);
        }
        else
        {
            Drop(block);
        }
    }

    private void Drop(CachedBlock* block)
    {
        fixed (CachedBlock** bucket = &_buckets[BucketOf(block->Hash)])
        {
            var link = bucket;
            while (*link != block) link = &(*link)->NextInBucket;
            *link = block->NextInBucket;
        }

        _count--;
        _owner.Free(block);
    }

    private CachedBlock* InBucket(ulong fileNumber, long offset, ulong hash)
    {
        var block = _buckets[BucketOf(hash)];
        while (block != null && (block->Offset != offset || block->FileNumber != fileNumber)) block = block->NextInBucket;
        return block;
    }

    private int BucketOf(ulong hash) => (int)((hash >> 8) & (ulong)(_buckets.Length - 1));

    private void Grow()
    {
        var old = _buckets;
        _buckets = new CachedBlock*[old.Length * 2];
        foreach (var first in old)
        {
            for (var block = first; block != null;)
            {
                var next = block->NextInBucket;
                ref var bucket = ref _buckets[BucketOf(block->Hash)];
                block->NextInBucket = bucket;
                bucket = block;
                block = next;
            }
        }
    }
}

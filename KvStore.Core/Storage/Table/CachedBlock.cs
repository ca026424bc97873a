using System.Runtime.InteropServices;

namespace KvStore.Core.Storage.Table;

/// <summary>The header of a block in memory; its content follows. Lives in unmanaged memory, changed under its shard's lock except for the references.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct CachedBlock
{
    /// <summary>Readers that hold it; while there are any it is not freed.</summary>
    public int References;

    /// <summary>Of the content; the memory may be a little longer.</summary>
    public int Length;
    public int AllocatedBytes;
    public ulong FileNumber;
    public long Offset;
    public ulong Hash;
    public CachedBlock* NextInBucket;
    public CachedBlock* NextInQueue;

    /// <summary>Hits since it was last considered for eviction, 3 at most.</summary>
    public byte Hits;
    public bool IsInMain;

    /// <summary>Not in the cache: freed by the last reader.</summary>
    public bool IsPrivate;

    public static CachedBlock* Allocate(int length)
    {
        var block = (CachedBlock*)NativeMemory.Alloc((nuint)(sizeof(CachedBlock) + length));
        *block = new CachedBlock { References = 1, Length = length, AllocatedBytes = sizeof(CachedBlock) + length };
        return block;
    }

    public static Span<byte> Content(CachedBlock* block) => new((byte*)block + sizeof(CachedBlock), block->Length);

    /// <summary>Memory taken, header included.</summary>
    public static int Bytes(CachedBlock* block) => block->AllocatedBytes;
}

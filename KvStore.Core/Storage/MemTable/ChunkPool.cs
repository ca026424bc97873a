using System.Numerics;
using System.Runtime.InteropServices;

namespace KvStore.Core.Storage.MemTable;

/// <summary>
/// Unmanaged memory for arenas, shared by all partitions of a node. Chunks of 4 KiB to 256 KiB (powers of two) are kept for the next
/// memtable when one is freed; pieces of other sizes come from the operating system and go back to it. Safe for any thread.
/// </summary>
/// <param name="keepBytes">The most bytes of free chunks that are kept.</param>
/// <param name="poison">Overwrite freed chunks, so that a reader that outlived its pin reads nonsense at once.</param>
internal sealed unsafe class ChunkPool(long keepBytes, bool poison) : IDisposable
{
    public const int SmallestChunk = 4 << 10;
    public const int LargestChunk = 256 << 10;

    private const int Classes = 7;
    private const byte Poison = 0xDB;

    private readonly Lock _lock = new();
    private readonly Stack<nint>[] _free = CreateStacks();
    private long _usedBytes;
    private long _freeBytes;
    private bool _disposed;

    /// <summary>Bytes handed out and not yet returned.</summary>
    public long UsedBytes => Volatile.Read(ref _usedBytes);

    /// <summary>Bytes kept for later.</summary>
    public long FreeBytes => Volatile.Read(ref _freeBytes);

    /// <summary>Memory of undefined content.</summary>
    public byte* Rent(int bytes)
    {
        Interlocked.Add(ref _usedBytes, bytes);
        if (IsKept(bytes))
        {
            lock (_lock)
            {
                if (_free[ClassOf(bytes)].TryPop(out var chunk))
                {
                    _freeBytes -= bytes;
                    return (byte*)chunk;
                }
            }
        }

        return (byte*)NativeMemory.Alloc((nuint)bytes);
    }

    public void Return(byte* chunk, int bytes)
    {
        Interlocked.Add(ref _usedBytes, -bytes);
        if (poison) new Span<byte>(chunk, bytes).Fill(Poison);
        if (IsKept(bytes))
        {
            lock (_lock)
            {
                if (!_disposed && _freeBytes + bytes <= keepBytes)
                {
                    _free[ClassOf(bytes)].Push((nint)chunk);
                    _freeBytes += bytes;
                    return;
                }
            }
        }

        NativeMemory.Free(chunk);
    }

    /// <summary>Gives the free chunks back. Chunks in use are freed when they are returned.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            foreach (var stack in _free)
                while (stack.TryPop(out var chunk)) NativeMemory.Free((void*)chunk);
            _freeBytes = 0;
        }
    }

    private static bool IsKept(int bytes) => bytes is >= SmallestChunk and <= LargestChunk && BitOperations.IsPow2(bytes);

    private static int ClassOf(int bytes) => BitOperations.Log2((uint)bytes) - BitOperations.Log2(SmallestChunk);

    private static Stack<nint>[] CreateStacks()
    {
        var stacks = new Stack<nint>[Classes];
        for (var i = 0; i < Classes; i++) stacks[i] = new Stack<nint>();
        return stacks;
    }
}

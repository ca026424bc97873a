using System.Runtime.InteropServices;
using KvStore.Core.Primitives;
using KvStore.Core.Storage.Wal;

namespace KvStore.Core.Node;

/// <summary>
/// The payloads of one replica's retained log: the newest ones in unmanaged memory, older ones by their address in the WAL.
/// One owner (the shard); spans it hands out are valid until the next change.
/// </summary>
/// <remarks>
/// An entry's payload stays in memory until <see cref="ReleaseThrough"/>; its address stays until <see cref="CompactThrough"/>.
/// Payloads live in chunks that are freed when their last entry is released, so a log that keeps moving allocates nothing per entry.
/// </remarks>
public sealed unsafe class PayloadLog : IDisposable
{
    private const int MinChunkBytes = 4 << 10;
    private const int MaxChunkBytes = 256 << 10;

    private readonly List<Chunk> _chunks = [];
    private Slot[] _slots = [];
    private int _head;
    private int _count;
    private int _chunksDropped;

    private struct Slot
    {
        public byte* Payload;
        public int Length;
        public int Chunk;
        public WalAddress Address;
    }

    private struct Chunk
    {
        public byte* Memory;
        public int Capacity;
        public int Used;
        public int Live;
    }

    /// <summary>Index of the oldest entry whose address is known; one past the end when empty.</summary>
    public LogIndex FirstIndex { get; private set; } = new(1);

    public LogIndex LastIndex => new(FirstIndex.Value + (ulong)_count - 1);

    /// <summary>Bytes of unmanaged memory held for payloads.</summary>
    public long MemoryBytes { get; private set; }

    /// <summary>Index of the oldest entry whose payload is still in memory; one past the end when none is.</summary>
    public LogIndex FirstInMemory { get; private set; } = new(1);

    /// <summary>Adds the entry after <see cref="LastIndex"/>, with its payload in memory.</summary>
    public void Append(LogIndex index, ReadOnlySpan<byte> payload)
    {
        Invariant.Check(index.Value == FirstIndex.Value + (ulong)_count);
        ref var slot = ref AddSlot();
        slot.Payload = Allocate(payload.Length, out slot.Chunk);
        slot.Length = payload.Length;
        payload.CopyTo(new Span<byte>(slot.Payload, payload.Length));
    }

    /// <summary>Adds an entry that is known by its address alone (replay of entries that are applied already).</summary>
    public void AppendAddress(LogIndex index, WalAddress address)
    {
        Invariant.Check(index.Value == FirstIndex.Value + (ulong)_count && FirstInMemory == index);
        ref var slot = ref AddSlot();
        slot.Address = address;
        slot.Chunk = -1;
        FirstInMemory = index.Next;
    }

    public void SetAddress(LogIndex index, WalAddress address)
    {
        if (Contains(index)) SlotAt(index).Address = address;
    }

    public WalAddress AddressOf(LogIndex index) => SlotAt(index).Address;

    public bool Contains(LogIndex index) => index >= FirstIndex && index.Value < FirstIndex.Value + (ulong)_count;

    /// <summary>The payload, if it is in memory.</summary>
    public bool TryGet(LogIndex index, out ReadOnlySpan<byte> payload)
    {
        if (index < FirstInMemory || !Contains(index))
        {
            payload = default;
            return false;
        }

        ref var slot = ref SlotAt(index);
        payload = new ReadOnlySpan<byte>(slot.Payload, slot.Length);
        return true;
    }

    /// <summary>Forgets the entries from <paramref name="from"/> on (a leader's log won over ours).</summary>
    public void TruncateFrom(LogIndex from)
    {
        while (_count > 0 && FirstIndex.Value + (ulong)_count - 1 >= from.Value)
        {
            _count--;
            FreePayload(ref _slots[(_head + _count) & (_slots.Length - 1)]);
        }

        if (FirstInMemory.Value > FirstIndex.Value + (ulong)_count) FirstInMemory = new LogIndex(FirstIndex.Value + (ulong)_count);
    }

    /// <summary>Lets go of the payloads up to and including <paramref name="through"/>; they can still be read from the WAL.</summary>
    public void ReleaseThrough(LogIndex through)
    {
        while (FirstInMemory <= through && Contains(FirstInMemory))
        {
            FreePayload(ref SlotAt(FirstInMemory));
            FirstInMemory = FirstInMemory.Next;
        }
    }

    /// <summary>Forgets the entries up to and including <paramref name="through"/>.</summary>
    public void CompactThrough(LogIndex through)
    {
        ReleaseThrough(through);
        while (_count > 0 && FirstIndex <= through)
        {
            _head = (_head + 1) & (_slots.Length - 1);
            _count--;
            FirstIndex = FirstIndex.Next;
        }

        if (FirstInMemory < FirstIndex) FirstInMemory = FirstIndex;
    }

    /// <summary>Empties the log; the next entry is <paramref name="next"/>.</summary>
    public void Reset(LogIndex next)
    {
        TruncateFrom(FirstIndex);
        FirstIndex = next;
        FirstInMemory = next;
        _head = 0;
    }

    public void Dispose()
    {
        foreach (var chunk in _chunks) NativeMemory.Free(chunk.Memory);
        _chunks.Clear();
        _count = 0;
        MemoryBytes = 0;
    }

    private ref Slot SlotAt(LogIndex index)
    {
        Invariant.Check(Contains(index));
        return ref _slots[(_head + (int)(index - FirstIndex)) & (_slots.Length - 1)];
    }

    private ref Slot AddSlot()
    {
        if (_count == _slots.Length)
        {
            var larger = new Slot[Math.Max(16, _slots.Length * 2)];
            for (var i = 0; i < _count; i++) larger[i] = _slots[(_head + i) & (_slots.Length - 1)];
            _slots = larger;
            _head = 0;
        }

        ref var slot = ref _slots[(_head + _count) & (_slots.Length - 1)];
        slot = default;
        _count++;
        return ref slot;
    }

    private byte* Allocate(int length, out int chunkNumber)
    {
        if (_chunks.Count == 0 || _chunks[^1].Capacity - _chunks[^1].Used < length)
        {
            var grown = _chunks.Count == 0 ? MinChunkBytes : Math.Min(_chunks[^1].Capacity * 2, MaxChunkBytes);
            var capacity = Math.Max(grown, length);
            _chunks.Add(new Chunk { Memory = (byte*)NativeMemory.Alloc((nuint)capacity), Capacity = capacity });
            MemoryBytes += capacity;
        }

        ref var chunk = ref CollectionsMarshal.AsSpan(_chunks)[^1];
        var at = chunk.Memory + chunk.Used;
        chunk.Used += length;
        chunk.Live++;
        chunkNumber = _chunksDropped + _chunks.Count - 1;
        return at;
    }

    private void FreePayload(ref Slot slot)
    {
        if (slot.Payload == null) return;
        var position = slot.Chunk - _chunksDropped;
        ref var chunk = ref CollectionsMarshal.AsSpan(_chunks)[position];
        chunk.Live--;
        slot.Payload = null;
        if (chunk.Live > 0) return;

        // The last chunk is used again from its start; older ones go, and only from the front so that numbers stay dense.
        if (position == _chunks.Count - 1 && chunk.Capacity <= MaxChunkBytes)
        {
            chunk.Used = 0;
            if (position > 0) return;
        }

        while (_chunks.Count > 1 && _chunks[0].Live == 0) DropOldestChunk();
    }

    private void DropOldestChunk()
    {
        NativeMemory.Free(_chunks[0].Memory);
        MemoryBytes -= _chunks[0].Capacity;
        _chunks.RemoveAt(0);
        _chunksDropped++;
    }
}

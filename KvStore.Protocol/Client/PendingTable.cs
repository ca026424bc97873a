namespace KvStore.Protocol.Client;

/// <summary>
/// The requests of one connection that wait for replies. Taking one out is the claim to complete it. A request id holds the slot in its low
/// bits and a sequence number above, so that a late reply to a request that was given up finds nothing.
/// </summary>
internal sealed class PendingTable
{
    private const int SlotBits = 10;
    public const int Capacity = 1 << SlotBits;

    private readonly Lock _gate = new();
    private readonly PendingRequest?[] _slots = new PendingRequest?[Capacity];
    private readonly ushort[] _free = new ushort[Capacity];
    private int _freeCount = Capacity;
    private ulong _sequence;
    private bool _closed;

    public PendingTable()
    {
        for (var i = 0; i < Capacity; i++) _free[i] = (ushort)(Capacity - 1 - i);
    }

    public int Count => Capacity - Volatile.Read(ref _freeCount);

    /// <summary>Gives the request its id. False when the table is closed. The caller has made sure that there is room.</summary>
    public bool TryAdd(PendingRequest request)
    {
        lock (_gate)
        {
            if (_closed) return false;
            var slot = _free[--_freeCount];
            request.Id = (++_sequence << SlotBits) | slot;
            _slots[slot] = request;
            return true;
        }
    }

    /// <summary>Null when nobody waits for this id, or no longer.</summary>
    public PendingRequest? Take(ulong id)
    {
        lock (_gate)
        {
            var slot = (int)(id & (Capacity - 1));
            var request = _slots[slot];
            if (request is null || request.Id != id) return null;
            Free(slot);
            return request;
        }
    }

    /// <summary>Takes one whose deadline is over; null when there is none.</summary>
    public PendingRequest? TakeExpired(long nowMs)
    {
        lock (_gate)
        {
            if (_freeCount == Capacity) return null;
            for (var slot = 0; slot < Capacity; slot++)
            {
                if (_slots[slot] is not { } request || request.Deadline.TickMs > nowMs) continue;
                Free(slot);
                return request;
            }

            return null;
        }
    }

    /// <summary>Admits no more and takes all.</summary>
    public List<PendingRequest> Close()
    {
        lock (_gate)
        {
            _closed = true;
            var all = new List<PendingRequest>(Capacity - _freeCount);
            for (var slot = 0; slot < Capacity; slot++)
            {
                if (_slots[slot] is not { } request) continue;
                all.Add(request);
                Free(slot);
            }

            return all;
        }
    }

    private void Free(int slot)
    {
        _slots[slot] = null;
        _free[_freeCount++] = (ushort)slot;
    }
}

using KvStore.Core.Primitives;

namespace KvStore.Core.Raft;

/// <summary>The messages with entries sent to one follower and not yet acknowledged, oldest first: a ring that grows up to its use.</summary>
internal sealed class InflightWindow
{
    private Sent[] _ring = new Sent[4];
    private int _head;

    public int Count { get; private set; }

    public int Bytes { get; private set; }

    public void Add(LogIndex last, int bytes)
    {
        if (Count == _ring.Length) Grow();
        _ring[(_head + Count) & (_ring.Length - 1)] = new Sent(last, bytes);
        Count++;
        Bytes += bytes;
    }

    /// <summary>Forgets the messages whose last entry is at or below <paramref name="match"/>.</summary>
    public void AcknowledgeThrough(LogIndex match)
    {
        while (Count > 0 && _ring[_head].Last <= match)
        {
            Bytes -= _ring[_head].Bytes;
            _head = (_head + 1) & (_ring.Length - 1);
            Count--;
        }
    }

    public void Clear()
    {
        _head = 0;
        Count = 0;
        Bytes = 0;
    }

    private void Grow()
    {
        var larger = new Sent[_ring.Length * 2];
        for (var i = 0; i < Count; i++) larger[i] = _ring[(_head + i) & (_ring.Length - 1)];
        _ring = larger;
        _head = 0;
    }

    private readonly record struct Sent(LogIndex Last, int Bytes);
}

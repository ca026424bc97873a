namespace KvStore.Tests.Chaos.Network;

/// <summary>Packets that are under way for a while, delivered by a thread of its own when their time has come.</summary>
internal sealed class LatePackets
{
    private const long NsPerMs = 1_000_000;

    private readonly object _gate = new();
    private readonly PriorityQueue<(int To, byte[] Packet), (long DueNs, long Number)> _waiting = new();
    private readonly Func<long> _nowNs;
    private readonly Action<int, byte[]> _deliver;
    private long _number;

    public LatePackets(Func<long> nowNs, Action<int, byte[]> deliver)
    {
        _nowNs = nowNs;
        _deliver = deliver;
        new Thread(Run) { IsBackground = true, Name = "late packets" }.Start();
    }

    public void Add(int to, ReadOnlySpan<byte> packet, long dueNs)
    {
        var copy = packet.ToArray();
        lock (_gate)
        {
            _waiting.Enqueue((to, copy), (dueNs, _number++));
            Monitor.Pulse(_gate);
        }
    }

    private void Run()
    {
        while (true)
        {
            var (to, packet) = TakeDue();
            _deliver(to, packet);
        }
    }

    private (int To, byte[] Packet) TakeDue()
    {
        lock (_gate)
        {
            while (true)
            {
                if (!_waiting.TryPeek(out _, out var first))
                {
                    Monitor.Wait(_gate);
                    continue;
                }

                var leftNs = first.DueNs - _nowNs();
                if (leftNs <= 0) return _waiting.Dequeue();
                Monitor.Wait(_gate, (int)((leftNs + NsPerMs - 1) / NsPerMs));
            }
        }
    }
}

namespace KvStore.Tests.Chaos.Load;

/// <summary>A time in which no strong write of a partition succeeded.</summary>
/// <param name="FromNs">The last success before it.</param>
/// <param name="UntilNs">The first success after it.</param>
internal readonly record struct Gap(int Partition, long FromNs, long UntilNs)
{
    public double Seconds => (UntilNs - FromNs) / 1e9;
}

/// <summary>When strong writes succeeded, partition by partition. Any thread.</summary>
internal sealed class Availability
{
    /// <summary>Shorter pauses than this are not worth keeping.</summary>
    public const long LeastGapNs = 300_000_000;

    private readonly Lock _gate = new();
    private readonly long[] _lastNs;
    private readonly long[] _lastBegunNs;
    private readonly List<Gap> _gaps = [];

    public Availability(int partitions, long nowNs)
    {
        _lastNs = new long[partitions];
        _lastBegunNs = new long[partitions];
        Array.Fill(_lastNs, nowNs);
    }

    /// <param name="nowNs">Those that are open are counted until now.</param>
    public IReadOnlyList<Gap> GapsUntil(long nowNs)
    {
        lock (_gate) return [.. _gaps, .. _lastNs.Select((last, partition) => new Gap(partition, last, nowNs)).Where(gap => nowNs - gap.FromNs >= LeastGapNs)];
    }

    public void Succeeded(int partition, long begunNs, long nowNs)
    {
        lock (_gate)
        {
            var last = _lastNs[partition];
            if (nowNs - last >= LeastGapNs) _gaps.Add(new Gap(partition, last, nowNs));
            _lastNs[partition] = Math.Max(last, nowNs);
            _lastBegunNs[partition] = Math.Max(_lastBegunNs[partition], begunNs);
        }
    }

    /// <summary>The partitions none of whose writes that began after a moment has succeeded yet.</summary>
    public IReadOnlyList<int> WithoutSuccessSince(long ns)
    {
        lock (_gate) return [.. Enumerable.Range(0, _lastBegunNs.Length).Where(p => _lastBegunNs[p] < ns)];
    }
}

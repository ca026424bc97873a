using KvStore.Core.Primitives;

namespace KvStore.Bench.Engine;

/// <summary>Numbers from 0 on, the small ones far more often (Gray et al., "Quickly Generating Billion-Record Synthetic Databases", SIGMOD 1994).</summary>
internal sealed class ZipfKeys
{
    private readonly long _count;
    private readonly double _theta;
    private readonly double _zeta;
    private readonly double _eta;
    private readonly double _alpha;

    public ZipfKeys(long count, double theta)
    {
        _count = count;
        _theta = theta;
        for (long i = 1; i <= count; i++) _zeta += 1 / Math.Pow(i, theta);
        _alpha = 1 / (1 - theta);
        _eta = (1 - Math.Pow(2.0 / count, 1 - theta)) / (1 - ((1 + Math.Pow(0.5, theta)) / _zeta));
    }

    public long Next(Prng random)
    {
        var u = (random.NextUInt64() >> 11) / (double)(1UL << 53);
        if (u * _zeta < 1) return 0;
        if (u * _zeta < 1 + Math.Pow(0.5, _theta)) return 1;
        return Math.Min(_count - 1, (long)(_count * Math.Pow((_eta * u) - _eta + 1, _alpha)));
    }
}

namespace KvStore.Daemon.Ctl.Load;

/// <summary>
/// Which of n keys an operation takes: all alike, or after Zipf's law with exponent s, where the k-th most wanted key is
/// taken in proportion to 1 / k^s (rejection-inversion: Hörmann and Derflinger, "Rejection-inversion to generate variates
/// from monotone discrete distributions", 1996). Ranks are scattered over the keys, so that hot keys are not neighbours.
/// Immutable, shared by all loops.
/// </summary>
internal sealed class KeyChooser
{
    private readonly int _keys;
    private readonly double _s;
    private readonly double _hFirst;
    private readonly double _hLast;
    private readonly double _squeeze;

    /// <param name="keys">How many keys there are, at least one.</param>
    /// <param name="zipf">The exponent s, 0 for all alike.</param>
    public KeyChooser(int keys, double zipf)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(keys);
        ArgumentOutOfRangeException.ThrowIfNegative(zipf);
        _keys = keys;
        _s = zipf;
        _hFirst = Integral(1.5) - 1;
        _hLast = Integral(keys + 0.5);
        _squeeze = 2 - InverseIntegral(Integral(2.5) - Math.Pow(2, -zipf));
    }

    /// <summary>The number of the next key, from 0.</summary>
    public int Next(ref LoadRandom random) => _s == 0 ? random.Next(_keys) : Scatter(NextRank(ref random));

    /// <summary>A rank, 0 the most wanted.</summary>
    internal int NextRank(ref LoadRandom random)
    {
        while (true)
        {
            var u = _hLast + (random.NextDouble() * (_hFirst - _hLast));
            var x = InverseIntegral(u);
            var k = Math.Clamp(Math.Round(x), 1, _keys);
            if (k - x <= _squeeze || u >= Integral(k + 0.5) - Math.Pow(k, -_s)) return (int)k - 1;
        }
    }

    // A fixed one-to-one map: the multiplier is a prime that divides no number of keys in the allowed range.
    private int Scatter(int rank) => (int)((rank * 2_147_483_647L) % _keys);

    // H(x), an antiderivative of x^-s.
    private double Integral(double x) => _s == 1 ? Math.Log(x) : (Math.Pow(x, 1 - _s) - 1) / (1 - _s);

    private double InverseIntegral(double y) => _s == 1 ? Math.Exp(y) : Math.Pow(1 + (y * (1 - _s)), 1 / (1 - _s));
}

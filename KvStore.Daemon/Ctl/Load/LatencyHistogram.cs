using System.Numerics;

namespace KvStore.Daemon.Ctl.Load;

/// <summary>
/// Counts of durations in buckets of three significant digits (the bucket layout of HdrHistogram, Gil Tene): below 2,048 ns
/// one bucket per nanosecond, above it 1,024 buckets per power of two. Recording is one interlocked increment and may
/// happen on any thread; reading is exact once recording has stopped.
/// </summary>
internal sealed class LatencyHistogram
{
    private const int HalfBits = 10;
    private const int Half = 1 << HalfBits;

    /// <summary>Longer durations are counted as this one: 2^42 ns, about 73 minutes.</summary>
    private const long MostNs = (1L << 42) - 1;

    private readonly long[] _counts = new long[IndexOf(MostNs) + 1];
    private long _maxNs;

    public long Count => _counts.Sum();

    /// <summary>The longest duration recorded, exact, in nanoseconds.</summary>
    public long MaxNs => _maxNs;

    public void Record(long durationNs)
    {
        var value = Math.Clamp(durationNs, 0, MostNs);
        Interlocked.Increment(ref _counts[IndexOf(value)]);
        for (var max = Volatile.Read(ref _maxNs); value > max;)
        {
            var seen = Interlocked.CompareExchange(ref _maxNs, value, max);
            if (seen == max) break;
            max = seen;
        }
    }

    /// <summary>The least duration, in nanoseconds, that at least <paramref name="fraction"/> (0 to 1) of all do not exceed, to three digits; 0 if there are none.</summary>
    public long QuantileNs(double fraction)
    {
        var wanted = Math.Max(1, (long)Math.Ceiling(fraction * Count));
        var seen = 0L;
        for (var i = 0; i < _counts.Length; i++)
        {
            seen += _counts[i];
            if (seen >= wanted) return Math.Min(HighestOf(i), _maxNs);
        }

        return 0;
    }

    private static int IndexOf(long value)
    {
        var shift = Math.Max(0, BitOperations.Log2((ulong)value) - HalfBits);
        return (shift << HalfBits) + (int)(value >> shift);
    }

    // The largest value that IndexOf maps to the bucket.
    private static long HighestOf(int index)
    {
        var shift = Math.Max(0, (index >> HalfBits) - 1);
        var mantissa = (long)(index - (shift << HalfBits));
        return ((mantissa + 1) << shift) - 1;
    }
}

using System.Numerics;

namespace KvStore.Bench.Load;

/// <summary>
/// Latencies in nanoseconds in log-linear buckets (HdrHistogram's layout, Tene 2012): 256 buckets
/// below 256 ns, then 128 per power of two, so that every quantile is exact to 0.8 %. Recording
/// is one interlocked increment and may come from any thread; quantiles are read when it is quiet.
/// </summary>
internal sealed class LatencyHistogram
{
    private const int SubBucketBits = 7;
    private const int SubBuckets = 1 << SubBucketBits;

    /// <summary>Largest power of two told apart: 2^41 ns is 36 minutes; beyond it the last bucket counts.</summary>
    private const int MaxExponent = 41;

    private readonly long[] _counts = new long[(MaxExponent - SubBucketBits + 2) * SubBuckets];

    /// <summary>Number of recorded latencies.</summary>
    public long Count
    {
        get
        {
            long sum = 0;
            foreach (long count in _counts)
                sum += count;
            return sum;
        }
    }

    /// <summary>Counts one latency; negative ones (a clock that stepped) count as zero.</summary>
    public void Record(long nanoseconds) => Interlocked.Increment(ref _counts[IndexOf(nanoseconds)]);

    /// <summary>
    /// The smallest bucket middle, in nanoseconds, such that at least <paramref name="quantile"/>
    /// (0..1) of the recorded latencies lie at or below its bucket; 0 when nothing was recorded.
    /// </summary>
    public double Quantile(double quantile)
    {
        long total = Count;
        if (total == 0)
            return 0;
        long wanted = Math.Max(1, (long)Math.Ceiling(quantile * total));
        long seen = 0;
        for (int index = 0; index < _counts.Length; index++)
        {
            seen += _counts[index];
            if (seen >= wanted)
                return MiddleOf(index);
        }
        return MiddleOf(_counts.Length - 1);
    }

    internal static int IndexOf(long nanoseconds)
    {
        ulong value = (ulong)Math.Max(0, nanoseconds);
        int exponent = BitOperations.Log2(value | 1);
        if (exponent > MaxExponent)
            return ((MaxExponent - SubBucketBits + 2) * SubBuckets) - 1;
        if (exponent <= SubBucketBits)
            return (int)value;
        int shift = exponent - SubBucketBits;
        return (shift * SubBuckets) + (int)(value >> shift);
    }

    internal static double MiddleOf(int index)
    {
        if (index < 2 * SubBuckets)
            return index;
        int shift = (index / SubBuckets) - 1;
        long low = (long)((index % SubBuckets) + SubBuckets) << shift;
        return low + (((1L << shift) - 1) / 2.0);
    }
}

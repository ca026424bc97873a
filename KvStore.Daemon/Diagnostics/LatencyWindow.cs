using System.Numerics;

namespace KvStore.Daemon.Diagnostics;

/// <summary>
/// Percentiles over about the last minute, from logarithmic buckets: 32 to each doubling, so that a percentile is at most 3.2 % too high
/// and never too low. (Bucket layout: HdrHistogram, G. Tene.) An observation is one interlocked increment; any thread may make it.
/// The window is a ring of slices; <see cref="Advance"/>, called once per slice time, forgets the oldest.
/// </summary>
public sealed class LatencyWindow
{
    /// <summary>How often <see cref="Advance"/> is to be called: six slices make the minute.</summary>
    public static readonly TimeSpan SliceTime = TimeSpan.FromSeconds(10);

    private const int Slices = 6;
    private const int SubBucketBits = 5;
    private const int SubBuckets = 1 << SubBucketBits;

    // Exact below 32 ns; 2^42 ns is more than an hour, and all that is longer counts as that.
    private const int LargestPower = 42;
    private const int Buckets = (LargestPower - SubBucketBits + 1) * SubBuckets;

    private readonly long[][] _slices = [.. Enumerable.Range(0, Slices).Select(_ => new long[Buckets])];
    private long[] _current;
    private int _currentIndex;

    public LatencyWindow() => _current = _slices[0];

    /// <summary>Counts one duration. Allocates nothing, takes no lock.</summary>
    public void Observe(long nanoseconds) => Interlocked.Increment(ref Volatile.Read(ref _current)[BucketOf(nanoseconds)]);

    /// <summary>
    /// Starts the next slice in place of the oldest. One caller at a time. An observation that is under way meanwhile may still land
    /// in the slice before: it is not lost, only counted as a moment older.
    /// </summary>
    public void Advance()
    {
        _currentIndex = (_currentIndex + 1) % Slices;
        Array.Clear(_slices[_currentIndex]);
        Volatile.Write(ref _current, _slices[_currentIndex]);
    }

    /// <summary>
    /// For each quantile (0 to 1) the duration in nanoseconds that this share of the observations did not exceed; NaN if there were none.
    /// </summary>
    public double[] Quantiles(params ReadOnlySpan<double> quantiles)
    {
        var counts = new long[Buckets];
        foreach (var slice in _slices)
        {
            for (var i = 0; i < Buckets; i++) counts[i] += Volatile.Read(ref slice[i]);
        }

        var total = counts.Sum();
        var result = new double[quantiles.Length];
        for (var i = 0; i < quantiles.Length; i++) result[i] = total == 0 ? double.NaN : ValueAtRank(counts, Math.Max(1, (long)Math.Ceiling(quantiles[i] * total)));
        return result;
    }

    private static double ValueAtRank(long[] counts, long rank)
    {
        var seen = 0L;
        for (var bucket = 0; bucket < Buckets; bucket++)
        {
            seen += counts[bucket];
            if (seen >= rank) return UpperBoundOf(bucket);
        }

        return UpperBoundOf(Buckets - 1);
    }

    /// <summary>
    /// Values below 32 have a bucket each. A larger one with its highest bit at p >= 5 falls into row p - 4, at the place that its next five bits say.
    /// </summary>
    private static int BucketOf(long nanoseconds)
    {
        if (nanoseconds < SubBuckets) return (int)Math.Max(nanoseconds, 0);
        var power = BitOperations.Log2((ulong)nanoseconds);
        if (power >= LargestPower) return Buckets - 1;
        var shift = power - SubBucketBits;
        return ((shift + 1) << SubBucketBits) + (int)(nanoseconds >> shift) - SubBuckets;
    }

    /// <summary>The largest duration that falls into the bucket.</summary>
    private static long UpperBoundOf(int bucket)
    {
        if (bucket < SubBuckets) return bucket;
        var shift = (bucket >> SubBucketBits) - 1;
        var mantissa = SubBuckets + (bucket & (SubBuckets - 1));
        return ((mantissa + 1L) << shift) - 1;
    }
}

namespace KvStore.Protocol.Client;

/// <summary>
/// How far away a node is: the smallest of the latest Pings, so that a busy moment of either side does not count as distance. The handshake is
/// no sample: it pays for accepting the connection.
/// </summary>
internal sealed class RoundTrip
{
    private const int Samples = 4;
    private const int FirstPauseMs = 100;
    private const int LongestPauseMs = 30_000;
    private const int NearestMs = 4;

    private readonly int[] _latestUs = new int[Samples];
    private int _count;
    private long _pauseMs = FirstPauseMs;
    private long _nextMs = Deadline.NowMs + FirstPauseMs;

    /// <summary>Powers of four, from 4 ms on: nodes in one class are equally near. 0 until something was measured.</summary>
    public int Class { get; private set; }

    /// <summary>Whether it is time for another Ping; each pause is four times as long as the one before.</summary>
    public bool IsDue(long nowMs)
    {
        if (nowMs < _nextMs) return false;
        _pauseMs = Math.Min(_pauseMs * 4, LongestPauseMs);
        _nextMs = nowMs + _pauseMs;
        return true;
    }

    public void Add(TimeSpan roundTrip)
    {
        _latestUs[_count++ % Samples] = (int)Math.Clamp(roundTrip.TotalMicroseconds, 1, int.MaxValue);
        var smallest = _latestUs.AsSpan(0, Math.Min(_count, Samples))[0];
        foreach (var sample in _latestUs.AsSpan(0, Math.Min(_count, Samples))) smallest = Math.Min(smallest, sample);
        var latencyClass = 0;
        for (var ms = smallest / 1000 / NearestMs; ms > 0; ms /= 4) latencyClass++;
        Class = latencyClass;
    }
}

namespace KvStore.Tests.Chaos.Network;

/// <summary>How packets fare on every link, where no cut says more.</summary>
/// <param name="DelayMs">Each packet is late by this much,</param>
/// <param name="JitterMs">and by up to this much more: packets overtake each other.</param>
/// <param name="LostPermille">Of a thousand packets so many are lost,</param>
/// <param name="TwicePermille">and so many arrive twice.</param>
internal readonly record struct LinkWeather(int DelayMs = 0, int JitterMs = 0, int LostPermille = 0, int TwicePermille = 0);

/// <summary>
/// Who reaches whom, and how well. A link is an ordered pair of participants: 0 is the clients, 1 and up are the nodes. Cuts of a link count,
/// so that two faults can cut the same link and each mend its own. Set by the faults' thread, read by those that carry packets.
/// </summary>
internal sealed class LinkConditions(int participants)
{
    private readonly int[] _cuts = new int[participants * participants];
    private readonly int[] _bytesPerMs = new int[participants];
    private volatile object _weather = default(LinkWeather);

    public int Participants => participants;

    /// <summary>Of all links.</summary>
    public LinkWeather Weather
    {
        get => (LinkWeather)_weather;
        set => _weather = value;
    }

    public void Cut(int from, int to) => Interlocked.Increment(ref _cuts[(from * participants) + to]);

    public void Mend(int from, int to) => Interlocked.Decrement(ref _cuts[(from * participants) + to]);

    public bool IsCut(int from, int to) => Volatile.Read(ref _cuts[(from * participants) + to]) > 0;

    /// <summary>How many bytes a millisecond a participant can receive; 0 is without a limit.</summary>
    public void Throttle(int to, int bytesPerMs) => Volatile.Write(ref _bytesPerMs[to], bytesPerMs);

    public int BytesPerMs(int to) => Volatile.Read(ref _bytesPerMs[to]);
}

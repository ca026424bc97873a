using KvStore.Core.Primitives;

namespace KvStore.Tests.Chaos.Network;

/// <summary>What becomes of one packet.</summary>
/// <param name="Copies">How often it arrives: 0 is lost.</param>
/// <param name="DelayNs">How late.</param>
internal readonly record struct PacketFate(int Copies, long DelayNs)
{
    private const long NsPerMs = 1_000_000;

    /// <summary>More than this does not wait at a slow link: it is lost, as in a router whose queue is full.</summary>
    private const long LongestQueueNs = 500 * NsPerMs;

    /// <param name="busyUntilNs">Until when the receiver's link is busy with what went before; moved on by this packet if the link is slow.</param>
    public static PacketFate Draw(LinkConditions links, int from, int to, int bytes, long nowNs, ref long busyUntilNs, Prng random)
    {
        if (links.IsCut(from, to)) return default;
        var weather = links.Weather;
        if (weather.LostPermille > 0 && random.Chance(weather.LostPermille, 1_000)) return default;
        var delayNs = weather.DelayMs * NsPerMs;
        if (weather.JitterMs > 0) delayNs += random.Next(weather.JitterMs * 1_000) * 1_000L;
        if (links.BytesPerMs(to) is var rate and > 0)
        {
            var queueNs = Math.Max(busyUntilNs - nowNs, 0) + (bytes * NsPerMs / rate);
            if (queueNs > LongestQueueNs) return default;
            busyUntilNs = nowNs + queueNs;
            delayNs += queueNs;
        }

        var copies = weather.TwicePermille > 0 && random.Chance(weather.TwicePermille, 1_000) ? 2 : 1;
        return new PacketFate(copies, delayNs);
    }
}

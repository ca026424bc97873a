using System.Collections.Concurrent;

namespace KvStore.Protocol.Client;

/// <summary>The channels of a client by address, and the clock that drives their deadlines and Pings.</summary>
internal sealed class ChannelPool : IDisposable
{
    private const int TickMs = 20;
    private readonly ConcurrentDictionary<string, NodeChannel> _channels = new(StringComparer.Ordinal);
    private readonly KvClientOptions _options;
    private readonly Timer _timer;
    private int _ticking;

    public ChannelPool(KvClientOptions options)
    {
        _options = options;
        _timer = new Timer(static state => ((ChannelPool)state!).Tick(), this, TickMs, TickMs);
    }

    public bool HasOpenConnection => _channels.Values.Any(channel => channel.HasOpenConnection);

    public NodeChannel Get(string address) =>
        _channels.GetOrAdd(address, static (key, options) => new NodeChannel(key, options), _options);

    public void Dispose()
    {
        _timer.Dispose();
        foreach (var channel in _channels.Values) channel.Dispose();
    }

    private void Tick()
    {
        if (Interlocked.Exchange(ref _ticking, 1) != 0) return;
        var nowMs = Deadline.NowMs;
        foreach (var (_, channel) in _channels) channel.Tick(nowMs);
        Volatile.Write(ref _ticking, 0);
    }
}

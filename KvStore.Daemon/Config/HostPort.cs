using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace KvStore.Daemon.Config;

/// <summary>"host:port"; an IPv6 host stands in brackets, "[::1]:7400". The host is kept without them.</summary>
public readonly record struct HostPort(string Host, int Port)
{
    private const int LongestHostName = 253;

    /// <summary>True for a host name or an IP address and a port from 1 to 65535.</summary>
    public static bool TryParse(string text, out HostPort value)
    {
        value = default;
        var colon = text.LastIndexOf(':');
        if (colon <= 0) return false;
        var host = text[..colon];
        if (!int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is < 1 or > 65535) return false;
        if (host.StartsWith('[') && host.EndsWith(']'))
        {
            host = host[1..^1];
            if (!IPAddress.TryParse(host, out var address) || address.AddressFamily != AddressFamily.InterNetworkV6) return false;
        }
        else if (host.Length > LongestHostName || !host.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_'))
        {
            return false;
        }

        value = new HostPort(host, port);
        return true;
    }

    /// <summary>The address to bind, when the host is an IP address or "localhost"; null for other names, which only a resolver could tell.</summary>
    public IPEndPoint? ToEndPoint()
    {
        if (Host == "localhost") return new IPEndPoint(IPAddress.Loopback, Port);
        return IPAddress.TryParse(Host, out var address) ? new IPEndPoint(address, Port) : null;
    }

    public override string ToString() => Host.Contains(':') ? $"[{Host}]:{Port}" : $"{Host}:{Port}";
}

using System.Globalization;

namespace KvStore.Daemon.Ctl.Arguments;

/// <summary>Lists of node addresses: `host:port`, `[v6]:port`, separated by commas.</summary>
internal static class EndpointText
{
    /// <summary>Splits a list; null, with the reason in <paramref name="error"/>, if one part is not an address or stands twice.</summary>
    public static string[]? Parse(string text, out string error)
    {
        var endpoints = text.Split(',', StringSplitOptions.TrimEntries);
        error = "";
        foreach (var endpoint in endpoints)
        {
            if (!IsEndpoint(endpoint)) error = $"'{endpoint}' is not HOST:PORT";
            else if (endpoints.Count(e => e == endpoint) > 1) error = $"'{endpoint}' is named twice";
            else continue;
            return null;
        }

        return endpoints;
    }

    private static bool IsEndpoint(string text)
    {
        var colon = text.LastIndexOf(':');
        if (colon < 1) return false;
        var host = text.AsSpan(0, colon);
        var bracketed = host is ['[', _, .., ']'];
        if (!bracketed && host.ContainsAny(":[]")) return false;
        return ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port != 0;
    }
}

using System.Text;

namespace KvStore.Daemon.Server;

/// <summary>
/// The part of an HTTP/1.x request (RFC 9112) that this endpoint looks at: method and path. Header fields are read past, for none changes the answer.
/// <code>METHOD SP path ["?" query] SP "HTTP/1." DIGIT CRLF *(field CRLF) CRLF</code>
/// </summary>
internal readonly record struct HttpRequestHead(string Method, string Path)
{
    /// <summary>How many bytes a head takes, its empty line included; -1 while the end has not arrived.</summary>
    public static int LengthOf(ReadOnlySpan<byte> received)
    {
        var end = received.IndexOf("\r\n\r\n"u8);
        return end < 0 ? -1 : end + 4;
    }

    /// <summary>Parses a whole head; false for anything that is no HTTP/1.x request for a path.</summary>
    public static bool TryParse(ReadOnlySpan<byte> head, out HttpRequestHead request)
    {
        request = default;
        var line = head[..head.IndexOf("\r\n"u8)];
        var first = line.IndexOf((byte)' ');
        var last = line.LastIndexOf((byte)' ');
        if (first <= 0 || last <= first + 1) return false;
        var method = line[..first];
        var target = line[(first + 1)..last];
        var version = line[(last + 1)..];
        if (version.Length != 8 || !version.StartsWith("HTTP/1."u8) || !char.IsAsciiDigit((char)version[7])) return false;
        if (target[0] != '/' || method.ContainsAnyExceptInRange((byte)'A', (byte)'Z') || target.ContainsAnyExceptInRange((byte)'!', (byte)'~')) return false;
        var query = target.IndexOf((byte)'?');
        request = new HttpRequestHead(Encoding.ASCII.GetString(method), Encoding.ASCII.GetString(query < 0 ? target : target[..query]));
        return true;
    }
}

using System.Text;

namespace KvStore.Daemon.Server;

/// <summary>An answer of the HTTP endpoint: status code, content type and body.</summary>
public sealed record HttpResponse(int Status, string ContentType, ReadOnlyMemory<byte> Body)
{
    public const string PlainText = "text/plain; charset=utf-8";

    /// <summary>The text exposition format of Prometheus.</summary>
    public const string PrometheusText = "text/plain; version=0.0.4; charset=utf-8";

    public static HttpResponse Text(int status, string text) => new(status, PlainText, Encoding.UTF8.GetBytes(text));
}

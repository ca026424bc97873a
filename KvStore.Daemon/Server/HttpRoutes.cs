using System.Globalization;
using System.Text;
using KvStore.Core.Primitives;
using KvStore.Daemon.Diagnostics;

namespace KvStore.Daemon.Server;

/// <summary>The four pages of the HTTP port.</summary>
internal static class HttpRoutes
{
    private const long LiveWithinNs = 10_000_000_000;

    public static IReadOnlyDictionary<string, Func<HttpResponse>> Of(NodeHost host, NodeMetrics metrics) => new Dictionary<string, Func<HttpResponse>>
    {
        ["/metrics"] = () => new HttpResponse(200, HttpResponse.PrometheusText, metrics.ExportText()),
        ["/livez"] = () => Live(host),
        ["/readyz"] = () => Ready(host),
        ["/clusterz"] = () => Cluster(host),
    };

    /// <summary>Event loops and the WAL writer make progress; never quorum, space or load.</summary>
    private static HttpResponse Live(NodeHost host) =>
        host.Node is { } node && !host.IsStarting && !node.IsLive(LiveWithinNs)
            ? HttpResponse.Text(503, "an event loop or the log writer has made no progress for 10 s\n")
            : HttpResponse.Text(200, "ok\n");

    private static HttpResponse Ready(NodeHost host)
    {
        (string Name, bool Ok)[] checks =
            [("replay_done", !host.IsStarting), ("topology_known", host.Node is not null), ("not_draining", !host.IsDraining)];
        var text = new StringBuilder();
        foreach (var (name, ok) in checks) text.Append(CultureInfo.InvariantCulture, $"{(ok ? "[+]" : "[-]")} {name}\n");
        return HttpResponse.Text(checks.All(c => c.Ok) ? 200 : 503, text.ToString());
    }

    /// <summary>The share of the key space that accepts strong writes, as this node sees it; informational.</summary>
    private static HttpResponse Cluster(NodeHost host)
    {
        if (host.Node is not { } node) return HttpResponse.Text(200, "not initialized\n");
        var led = 0;
        for (var i = 0; i < node.Topology.PartitionCount; i++)
            if (!node.LeaderOf(new PartitionId((ushort)i)).IsNone) led++;
        return HttpResponse.Text(200, string.Create(CultureInfo.InvariantCulture, $"{(double)led / node.Topology.PartitionCount:0.000} of the key space has a primary\n"));
    }
}

using KvStore.Core.Node;
using KvStore.Daemon.Diagnostics;
using KvStore.Protocol.Messages;
using Microsoft.Extensions.Logging;

namespace KvStore.Daemon.Server;

/// <summary>The node's words, in the process's log.</summary>
internal sealed class NodeLogger(ILogger log) : INodeLog
{
    public void Info(string message) => log.LogInformation("{Message}", message);

    public void Warn(string message) => log.LogWarning("{Message}", message);
}

/// <summary>What the node did, in its metrics.</summary>
internal sealed class MetricsObserver(NodeMetrics metrics) : INodeObserver
{
    public void OnRequest(RequestKind kind, bool majority, KvError error, Outcome outcome, long durationNs)
    {
        var read = kind is RequestKind.Get or RequestKind.MultiGet or RequestKind.Scan;
        var mode = read ? (majority ? RequestMode.Quorum : RequestMode.Local) : majority ? RequestMode.Strong : RequestMode.Fast;
        metrics.ObserveRequest((RequestOperation)kind, mode, ResultOf(error, outcome), durationNs);
    }

    public void OnSync(long durationNs, int records, int bytes) => metrics.ObserveWalSync(durationNs, records);

    private static RequestResult ResultOf(KvError error, Outcome outcome) => error switch
    {
        KvError.None => RequestResult.Ok,
        KvError.NotFound => RequestResult.NotFound,
        KvError.ConditionFailed => RequestResult.ConditionFailed,
        _ when outcome == Outcome.Unknown => RequestResult.Unknown,
        _ => RequestResult.Refused,
    };
}

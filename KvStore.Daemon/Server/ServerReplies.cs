using System.Reflection;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;

namespace KvStore.Daemon.Server;

/// <summary>What the server says before, or without, a node to answer.</summary>
internal static class ServerReplies
{
    public static void SendError(FrameConnection connection, ulong requestId, KvError code, string message, string advice = "", bool isWrite = false, bool retryable = false)
    {
        using var body = new FrameBuffer();
        new ErrorReply
        {
            Code = code,
            Message = message,
            Advice = advice,
            Outcome = isWrite ? Outcome.NotApplied : Outcome.None,
            Retryable = retryable,
        }.Encode(body);
        connection.TrySend(FrameType.Error, requestId, body.Written);
    }
}

/// <summary>What this binary calls itself.</summary>
internal static class BuildInfo
{
    public static string Version { get; } = typeof(BuildInfo).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";
}

using KvStore.Daemon.Commands;
using KvStore.Daemon.Ctl;

namespace KvStore.Daemon;

internal static class Program
{
    /// <summary>Read by the runtime when the first socket is used; there is no other way to ask for it.</summary>
    private const string InlineCompletions = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    private static async Task<int> Main(string[] args)
    {
        // What arrives is handled on the thread that waits for sockets, without waking another one. Nothing there may block.
        Environment.SetEnvironmentVariable(InlineCompletions, "1");
        if (CtlMain.IsCalledByName()) return await CtlMain.RunAsync(args);
        return args is ["ctl", .. var rest] ? await CtlMain.RunAsync(rest) : DaemonCommands.Run(args);
    }
}

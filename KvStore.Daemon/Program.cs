using KvStore.Daemon.Commands;
using KvStore.Daemon.Ctl;

namespace KvStore.Daemon;

internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        if (CtlMain.IsCalledByName()) return await CtlMain.RunAsync(args);
        return args is ["ctl", .. var rest] ? await CtlMain.RunAsync(rest) : DaemonCommands.Run(args);
    }
}

using System.Runtime.InteropServices;
using KvStore.Core.Node;
using KvStore.Daemon.Config;
using KvStore.Daemon.Diagnostics;
using KvStore.Daemon.Server;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace KvStore.Daemon.Commands;

/// <summary>`kvd run`: one node as a service, under Microsoft.Extensions.Hosting for its logging and its lifetime.</summary>
internal static class RunCommand
{
    public static int Run(ConfigSources sources)
    {
        try
        {
            var config = KvdConfig.Load(sources);
            using var host = ServiceHost.Build();
            var log = host.Services.GetRequiredService<ILoggerFactory>().CreateLogger("kvd");
            using var notifier = SystemdNotifier.FromEnvironment(ConfigSources.ProcessEnvironment(), log);
            var failure = new FailureLatch(log, host.Services.GetRequiredService<IHostApplicationLifetime>());
            using var node = new NodeHost(config, OptionsOf(config), log, failure.Report);
            using var reload = PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal =>
            {
                signal.Cancel = true;
                log.LogInformation("SIGHUP: no setting of this release can change while it runs");
            });
            node.Start();
            host.Start();
            notifier.Ready();
            notifier.StartWatchdog(() => node.Node?.IsLive(10_000_000_000) ?? true);
            host.WaitForShutdown();
            notifier.Stopping();
            if (failure.Cause is { } cause) Environment.Exit(DaemonCommands.ExitCodeOf(cause)); // nothing more is flushed: what was not durable stays unacknowledged
            node.Stop();
            return 0;
        }
        catch (Exception trouble)
        {
            return DaemonCommands.ExitCodeOf(trouble);
        }
    }

    public static NodeOptions OptionsOf(KvdConfig config) => new()
    {
        HeartbeatMs = config.HeartbeatMs,
        TimeoutMs = config.TimeoutMs,
        MaxClockSkewMs = config.MaxClockSkewMs,
        MemTableBytes = config.MemTableBytes,
        BlockCacheBytes = config.BlockCacheBytes,
        WalRetentionBytes = config.WalRetentionBytes,
        WalSegmentBytes = config.WalSegmentBytes,
        MaxGroupUncommittedBytes = config.MaxPartitionUncommittedBytes,
        MaxNodeUncommittedBytes = config.MaxUncommittedBytes,
    };
}

/// <summary>
/// The first thing that made a node untrustworthy. Nothing is flushed or handed over after it: what is not durable by now must not be
/// acknowledged any more, so the process ends at once if the ordinary way out takes too long.
/// </summary>
internal sealed class FailureLatch(ILogger log, IHostApplicationLifetime lifetime)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private Exception? _cause;

    public Exception? Cause => Volatile.Read(ref _cause);

    public void Report(Exception cause)
    {
        if (Interlocked.CompareExchange(ref _cause, cause, null) is not null) return;
        log.LogCritical(cause, "the node stops: {Reason}", cause.Message);
        _ = EndAsync(cause);
        lifetime.StopApplication();
    }

    // Not a Timer: one that nothing refers to may be collected, and would then never fire.
    private static async Task EndAsync(Exception cause)
    {
        await Task.Delay(Patience);
        Environment.Exit(DaemonCommands.ExitCodeOf(cause));
    }
}

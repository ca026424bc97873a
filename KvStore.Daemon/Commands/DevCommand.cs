using System.Text;
using KvStore.Core.Node;
using KvStore.Daemon.Config;
using KvStore.Daemon.Server;
using KvStore.Protocol.Client;
using KvStore.Protocol.Messages;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace KvStore.Daemon.Commands;

/// <summary>`kvd dev`: three (or more) whole nodes in one process, over real sockets, initialised and ready in about a second.</summary>
internal static class DevCommand
{
    private const int DevSegmentBytes = 4 << 20;
    private const string TemporaryPrefix = "kvd-dev-";
    private static readonly TimeSpan ReadyWithin = TimeSpan.FromSeconds(20);

    public static int Run(int nodes, string? directory, string listen)
    {
        try
        {
            if (nodes is < 3 or > 100) throw new ConfigException($"--nodes {nodes}: a cluster has 3 to 100 nodes");
            if (!HostPort.TryParse(listen, out var first)) throw new ConfigException($"--listen {listen} is no HOST:PORT");
            var temporary = directory is null;
            SweepTemporaries();
            directory ??= Directory.CreateTempSubdirectory(TemporaryPrefix + Environment.ProcessId + "-").FullName;
            try
            {
                return RunIn(directory, nodes, first, temporary);
            }
            finally
            {
                if (temporary) Directory.Delete(directory, true);
            }
        }
        catch (Exception trouble)
        {
            return DaemonCommands.ExitCodeOf(trouble);
        }
    }

    private static int RunIn(string directory, int nodes, HostPort first, bool temporary)
    {
        using var host = ServiceHost.Build(LogLevel.Warning);
        var log = host.Services.GetRequiredService<ILoggerFactory>().CreateLogger("kvd");
        var failure = new FailureLatch(log, host.Services.GetRequiredService<IHostApplicationLifetime>());
        var running = new List<NodeHost>();
        try
        {
            for (var i = 0; i < nodes; i++)
            {
                var config = ConfigOf(directory, i, first);
                running.Add(new NodeHost(config, OptionsOf(config, nodes), log, failure.Report));
                running[^1].Start();
            }

            var endpoints = Enumerable.Range(0, nodes).Select(i => AddressOf(first, i).ToString()).ToArray();
            Prepare(endpoints).GetAwaiter().GetResult();
            Announce(directory, endpoints, first, temporary);
            host.Start();
            host.WaitForShutdown();
            if (failure.Cause is { } cause) return DaemonCommands.ExitCodeOf(cause);
            Console.Out.WriteLine("stopping");
            return 0;
        }
        finally
        {
            foreach (var node in running) node.Dispose();
        }
    }

    private static KvdConfig ConfigOf(string directory, int number, HostPort first) => KvdConfig.Load(new ConfigSources
    {
        File = "/dev/null",
        Flags =
        [
            new("--name", $"n{number + 1}"), new("--data-dir", Path.Combine(directory, $"n{number + 1}")),
            new("--listen", AddressOf(first, number).ToString()), new("--http", HttpOf(first, number).ToString()),
        ],
    });

    private static HostPort AddressOf(HostPort first, int number) => first with { Port = first.Port + (10 * number) };

    private static HostPort HttpOf(HostPort first, int number) => first with { Port = AddressOf(first, number).Port + 1 };

    /// <summary>The nodes share this process and this disk: so they share the budgets.</summary>
    private static NodeOptions OptionsOf(KvdConfig config, int nodes)
    {
        var options = RunCommand.OptionsOf(config);
        return options with
        {
            Shards = Math.Max(1, Environment.ProcessorCount / nodes),
            MemTableBytes = options.MemTableBytes / nodes,
            BlockCacheBytes = options.BlockCacheBytes / nodes,
            WalRetentionBytes = options.WalRetentionBytes / nodes,
            WalSegmentBytes = DevSegmentBytes,
        };
    }

    /// <summary>Forms the cluster if that was not done before, and waits until a strong write works everywhere.</summary>
    private static async Task Prepare(string[] endpoints)
    {
        await using var client = await KvClient.ConnectAsync(new KvClientOptions { Endpoints = endpoints, Name = "kvd dev", Timeout = ReadyWithin });
        var status = await client.StatusAsync(endpoints[0]);
        if (status.State == NodeState.NotInitialized)
            await client.InitAsync(new InitRequest { ClusterId = NewClusterId(), Members = endpoints }, endpoints[0]);
        var key = "hello"u8.ToArray();
        var deadline = DateTime.UtcNow + ReadyWithin;
        while (true)
        {
            try
            {
                await client.PutAsync(key, "world"u8.ToArray(), WriteOptions.Strong);
                var topology = await client.TopologyAsync();
                if (topology.Leaders.All(l => l != 0)) return;
            }
            catch (KvException e) when ((e.Retryable || e.Code == KvError.DeadlineExceeded) && DateTime.UtcNow < deadline)
            {
                // The first elections are under way.
            }

            if (DateTime.UtcNow >= deadline) throw new TimeoutException($"no strong write within {ReadyWithin.TotalSeconds} s");
        }
    }

    private static void Announce(string directory, string[] endpoints, HostPort first, bool temporary)
    {
        var text = new StringBuilder();
        text.AppendLine($"kvd {BuildInfo.Version}: {endpoints.Length} nodes, ready");
        for (var i = 0; i < endpoints.Length; i++)
            text.AppendLine($"  n{i + 1}  {endpoints[i]}  http://{HttpOf(first, i)}/metrics");
        text.AppendLine($"  data in {directory}{(temporary ? ", removed at exit" : "")}{(IsMemory(directory) ? "; NOT DURABLE: this is a file system in memory" : "")}");
        var option = endpoints[0] == "127.0.0.1:7400" ? "" : $" --endpoints {endpoints[0]}";
        text.AppendLine($"try:  kvctl{option} put hello world --strong && kvctl{option} get hello --quorum");
        text.AppendLine("stop: Ctrl-C");
        Console.Out.Write(text);
        Console.Out.Flush();
    }

    private static bool IsMemory(string directory)
    {
        var best = ("", "");
        foreach (var line in File.ReadLines("/proc/mounts"))
        {
            if (line.Split(' ') is not [_, var mount, var type, ..] || !(directory + "/").StartsWith(mount.TrimEnd('/') + "/", StringComparison.Ordinal)) continue;
            if (mount.Length >= best.Item1.Length) best = (mount, type);
        }

        return best.Item2 is "tmpfs" or "ramfs";
    }

    /// <summary>Directories of runs that were killed, whose process is gone.</summary>
    private static void SweepTemporaries()
    {
        foreach (var directory in Directory.EnumerateDirectories(Path.GetTempPath(), TemporaryPrefix + "*"))
        {
            var parts = Path.GetFileName(directory)[TemporaryPrefix.Length..].Split('-');
            if (!int.TryParse(parts[0], out var pid) || Directory.Exists($"/proc/{pid}")) continue;
            try
            {
                Directory.Delete(directory, true);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Somebody else's: not ours to remove.
            }
        }
    }

    private static UInt128 NewClusterId()
    {
        var bytes = System.Security.Cryptography.RandomNumberGenerator.GetBytes(16);
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(bytes) | 1;
    }
}

using System.Runtime.InteropServices;
using KvStore.Tests.Chaos.Nodes;

namespace KvStore.Tests.Chaos.Runs;

/// <summary>`chaos [--minutes N] [--seed S] ...`: faults on real processes in network namespaces, checked as the simulation is.</summary>
internal static class ChaosCommand
{
    /// <summary>Exit status when the machine does not permit it.</summary>
    public const int NotPermitted = 77;

    public static async Task<int> RunAsync(string[] arguments)
    {
        if (ChaosOptions.TryParse(arguments, out var options) is { } trouble)
        {
            await Console.Error.WriteLineAsync($"chaos: {trouble}\n{ChaosOptions.Usage}");
            return 2;
        }

        if (ChaosSandbox.Inside is { } directory) return await RunInsideAsync(options, directory);
        if (ChaosSandbox.Obstacle() is { } obstacle)
        {
            await Console.Error.WriteLineAsync($"chaos: {obstacle}");
            return NotPermitted;
        }

        return ChaosSandbox.Run(arguments, Path.GetFullPath($"out/chaos/seed{options.Seed}"), options.Keep);
    }

    private static async Task<int> RunInsideAsync(ChaosOptions options, string directory)
    {
        using var stop = new CancellationTokenSource();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = true);
        new Thread(() =>
        {
            while (Console.In.Read() >= 0)
            {
            }

            stop.Cancel();
        })
        { IsBackground = true }.Start();

        // `ip netns` keeps its names here, and those of the host are not ours.
        SystemTool.Run("mount", "-t", "tmpfs", "tmpfs", "/run");
        var report = await ChaosRun.RunAsync(options, directory, Console.Out, stop.Token);
        Console.WriteLine(report.Text());
        return report.Failed == 0 ? 0 : 1;
    }
}

using System.Diagnostics;
using System.Runtime.InteropServices;
using KvStore.Tests.Chaos.Nodes;

namespace KvStore.Tests.Chaos.Runs;

/// <summary>
/// Runs this program once more, as the first process of new process, mount and network namespaces. Whatever becomes of it, its nodes,
/// filesystems and interfaces end with it; what is left is one directory, which this process removes, or the next run does.
/// </summary>
internal static class ChaosSandbox
{
    private const string InsideVariable = "KVD_CHAOS_DIRECTORY";
    private const string Prefix = "kvd-chaos-";
    private const string LockName = "lock";

    /// <summary>The run's directory when this process is inside; null outside.</summary>
    public static string? Inside => Environment.GetEnvironmentVariable(InsideVariable) is { Length: > 0 } directory ? directory : null;

    /// <summary>Why there can be no sandbox here; null if there can.</summary>
    public static string? Obstacle()
    {
        foreach (var tool in (string[])["setsid", "unshare", "nsenter", "ip", "mkfs.ext4", "mount", "umount", "cc"])
            if (!SystemTool.Exists(tool)) return $"{tool} is not installed";
        if (!File.Exists("/dev/net/tun")) return "there is no /dev/net/tun";
        if (!File.Exists("/dev/loop-control")) return "there are no loop devices";
        try
        {
            SystemTool.Run("unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "true");
            return null;
        }
        catch (InvalidOperationException failure)
        {
            return $"namespaces are not permitted (root is needed): {failure.Message}";
        }
    }

    /// <summary>Runs the command inside and returns its exit status.</summary>
    /// <param name="keepAt">Where the logs go if the run fails or they are asked for.</param>
    public static int Run(IReadOnlyList<string> arguments, string keepAt, bool keep)
    {
        Sweep();
        var directory = Directory.CreateTempSubdirectory(Prefix).FullName;
        using var mine = new FileStream(Path.Combine(directory, LockName), FileMode.CreateNew, FileAccess.Write, FileShare.None);
        try
        {
            var status = RunInside(arguments, directory);
            if (status != 0 || keep) Keep(directory, keepAt);
            return status;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static int RunInside(IReadOnlyList<string> arguments, string directory)
    {
        var program = Environment.ProcessPath!;
        string[] self = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [program, typeof(ChaosSandbox).Assembly.Location] : [program];
        // Ctrl-C at a terminal goes to all of a session: in one of their own, the nodes do not get it.
        var start = new ProcessStartInfo("setsid") { RedirectStandardInput = true };
        foreach (var argument in (string[])["--wait", "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--", .. self, "chaos", .. arguments])
            start.ArgumentList.Add(argument);
        start.Environment[InsideVariable] = directory;
        using var process = Process.Start(start)!;

        // The end of its input tells the run to stop, also when this process is killed; a second Ctrl-C does not change that.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        process.WaitForExit();
        return process.ExitCode;

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            process.StandardInput.Close();
        }
    }

    private static void Keep(string directory, string keepAt)
    {
        var logs = Path.Combine(directory, "logs");
        if (!Directory.Exists(logs)) return;
        Directory.CreateDirectory(keepAt);
        foreach (var file in Directory.GetFiles(logs)) File.Copy(file, Path.Combine(keepAt, Path.GetFileName(file)), overwrite: true);
        Console.Error.WriteLine($"chaos: the nodes' logs and the history are in {keepAt}");
    }

    /// <summary>Removes what a run left whose process was killed: one that lives holds its lock.</summary>
    private static void Sweep()
    {
        foreach (var directory in Directory.GetDirectories(Path.GetTempPath(), $"{Prefix}*"))
        {
            try
            {
                using var abandoned = new FileStream(Path.Combine(directory, LockName), FileMode.Open, FileAccess.Write, FileShare.None);
                Directory.Delete(directory, recursive: true);
            }
            catch (IOException)
            {
                // Locked, or not begun yet.
            }
        }
    }
}

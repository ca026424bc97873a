using System.Diagnostics;

namespace KvStore.Tests.Chaos.Nodes;

/// <summary>Runs a tool of the system that must succeed: ip, mount, mkfs.ext4, cc.</summary>
internal static class SystemTool
{
    /// <exception cref="InvalidOperationException">It failed; what it said is in the message.</exception>
    public static void Run(string tool, params string[] arguments)
    {
        var start = new ProcessStartInfo(tool, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{tool} {string.Join(' ', arguments)} failed: {output}{error.Result}".TrimEnd());
    }

    public static bool Exists(string tool) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Append("/sbin")
        .Any(directory => directory.Length > 0 && File.Exists(Path.Combine(directory, tool)));
}

using System.Diagnostics;
using System.Globalization;

namespace KvStore.Bench.Processes;

/// <summary>
/// One server under measurement: a child process of ours, started with its output in a log file
/// and always ended by its own process id.
/// </summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    /// <summary>Kernel clock ticks per second as /proc reports them; 100 on every Linux that .NET runs on (man 5 proc, USER_HZ).</summary>
    private const double ProcTicksPerSecond = 100;

    private readonly Process _process;

    private ServerProcess(string name, Process process, string logPath)
    {
        Name = name;
        LogPath = logPath;
        _process = process;
    }

    public string Name { get; }

    public string LogPath { get; }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>CPU time of all its threads since its start, in seconds; the last known value is lost when it has exited (0).</summary>
    public double CpuSeconds
    {
        get
        {
            if (ReadProc("stat") is not { } stat)
                return 0;
            // The command name in parentheses may hold spaces; utime and stime are the 12th and 13th fields after it.
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            double ticks = double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture);
            return ticks / ProcTicksPerSecond;
        }
    }

    /// <summary>Resident set in bytes (VmRSS); 0 when it has exited.</summary>
    public long ResidentBytes
    {
        get
        {
            string? line = ReadProc("status")?.Split('\n').FirstOrDefault(static text => text.StartsWith("VmRSS:", StringComparison.Ordinal));
            return line is null ? 0 : long.Parse(line["VmRSS:".Length..].Replace("kB", "", StringComparison.Ordinal), NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture) * 1024;
        }
    }

    /// <summary>
    /// Starts <paramref name="program"/>; its standard output and error are appended to
    /// <paramref name="logPath"/> by the kernel. (A pipe through this process would be generator
    /// work, and would break the server when this process dies.)
    /// </summary>
    public static ServerProcess Start(string name, string program, IEnumerable<string> arguments, string logPath)
    {
        // The shell replaces itself by the program, so the process id is the server's own.
        string[] shell = ["-c", "log=$1; shift; exec \"$@\" </dev/null >>\"$log\" 2>&1", "sh", logPath, program, .. arguments];
        var start = new ProcessStartInfo("/bin/sh", shell) { UseShellExecute = false };
        Process process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start");
        return new ServerProcess(name, process, logPath);
    }

    /// <summary>kill -9: what a crash looks like to the others.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>SIGTERM, then waits for the clean end; kill -9 if it takes longer than <paramref name="patience"/>.</summary>
    public async Task TerminateAsync(TimeSpan patience)
    {
        if (!_process.HasExited)
            Signals.Terminate(_process.Id);
        using var deadline = new CancellationTokenSource(patience);
        try
        {
            await _process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            await KillAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process.Dispose();
    }

    /// <summary>The last lines of its log, for a message that says why it is not there.</summary>
    public string LogTail(int lines = 5) =>
        File.Exists(LogPath) ? string.Join('\n', File.ReadLines(LogPath).TakeLast(lines)) : "(no log)";

    private string? ReadProc(string file)
    {
        try
        {
            return File.ReadAllText($"/proc/{_process.Id}/{file}");
        }
        catch (IOException)
        {
            return null;
        }
    }
}

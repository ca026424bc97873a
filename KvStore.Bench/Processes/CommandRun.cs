using System.Diagnostics;

namespace KvStore.Bench.Processes;

/// <summary>One short run of a command-line tool: exit code, standard output and wall time of the whole process.</summary>
internal sealed record CommandRun(int ExitCode, string Output, string Errors, TimeSpan Elapsed)
{
    /// <summary>Runs the tool to its end. Throws if the program does not exist, not for a bad exit code.</summary>
    public static async Task<CommandRun> RunAsync(string program, IEnumerable<string> arguments, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        long started = Stopwatch.GetTimestamp();
        using Process process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start");
        Task<string> output = process.StandardOutput.ReadToEndAsync(cancellation);
        Task<string> errors = process.StandardError.ReadToEndAsync(cancellation);
        await process.WaitForExitAsync(cancellation);
        TimeSpan elapsed = Stopwatch.GetElapsedTime(started);
        return new CommandRun(process.ExitCode, await output, await errors, elapsed);
    }
}

using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace KvStore.Tests.Processes;

/// <summary>One real kvd with a data directory and ports of its own.</summary>
internal sealed class KvdProcess(string name, string directory, IReadOnlyDictionary<string, string> environment) : IDisposable
{
    private readonly StringBuilder _log = new();
    private Process? _process;

    public string Name { get; } = name;

    public string DataDirectory { get; } = Path.Combine(directory, name);

    public int Port { get; } = KvdBinary.FreePort();

    public int HttpPort { get; } = KvdBinary.FreePort();

    public string Endpoint => $"127.0.0.1:{Port}";

    public bool IsRunning => _process is { HasExited: false };

    public int Id => _process!.Id;

    public int ExitCode => _process!.ExitCode;

    /// <summary>Memory in use (VmRSS).</summary>
    public long ResidentBytes =>
        long.Parse(File.ReadLines($"/proc/{Id}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) << 10;

    public string Log
    {
        get
        {
            lock (_log) return _log.ToString();
        }
    }

    /// <summary>The value of a metric without labels at GET /metrics.</summary>
    public async Task<double> MetricAsync(string metric)
    {
        using var http = new HttpClient();
        var text = await http.GetStringAsync(new Uri($"http://127.0.0.1:{HttpPort}/metrics"));
        var line = text.Split('\n').Single(l => l.StartsWith($"{metric} ", StringComparison.Ordinal));
        return double.Parse(line[(metric.Length + 1)..], CultureInfo.InvariantCulture);
    }

    public void Start(params string[] more)
    {
        var start = new ProcessStartInfo(KvdBinary.Path) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])["run", "--data-dir", DataDirectory, "--listen", Endpoint, "--http", $"127.0.0.1:{HttpPort}", "--name", Name, .. more])
            start.ArgumentList.Add(argument);
        foreach (var (variable, value) in environment) start.Environment[variable] = value;
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Append(line.Data);
        _process.ErrorDataReceived += (_, line) => Append(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>kill -9.</summary>
    public void Kill() => Signal(9);

    public void Signal(int number)
    {
        if (_process is not { HasExited: false }) return;
        _ = kill(_process.Id, number);
        if (number == 9) _process.WaitForExit();
    }

    /// <summary>SIGTERM, and the exit code.</summary>
    public int Stop()
    {
        Signal(15);
        if (!_process!.WaitForExit(30_000))
        {
            Kill();
            throw new TimeoutException($"{Name} did not stop within 30 s of SIGTERM\n{Log}");
        }

        return _process.ExitCode;
    }

    public void Dispose()
    {
        Kill();
        _process?.Dispose();
    }

    private void Append(string? line)
    {
        if (line is null) return;
        lock (_log) _log.AppendLine(line);
    }

    [DllImport("libc", SetLastError = true)]
    private static extern int kill(int pid, int signal);
}

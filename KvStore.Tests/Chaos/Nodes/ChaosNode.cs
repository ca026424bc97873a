using System.Diagnostics;
using System.Runtime.InteropServices;
using KvStore.Tests.Chaos.Network;
using KvStore.Tests.Processes;

namespace KvStore.Tests.Chaos.Nodes;

/// <summary>
/// The real kvd in a network namespace, on a disk and with a clock of its own. If it ends by itself it is started again as the unit file in
/// systemd/ says. Any thread.
/// </summary>
internal sealed partial class ChaosNode : IDisposable
{
    private const int Port = 7400;
    private const int SigKill = 9;
    private const int SigTerm = 15;
    private const int SigContinue = 18;
    private const int SigStop = 19;
    private const int RestartAfterMs = 1_000;
    private const int StopPatienceMs = 60_000;

    /// <summary>RestartPreventExitStatus of the unit.</summary>
    private static readonly int[] FinalCodes = [64, 70, 78];

    private readonly Lock _gate = new();
    private readonly StreamWriter _log;
    private readonly ChaosJournal _journal;
    private readonly Timer _restart;
    private Process? _process;
    private int _downReasons;
    private int _pauseReasons;
    private bool _isOver;
    private bool _hasFoundDamage;

    public ChaosNode(int number, string directory, string clockLibrary, ChaosJournal journal)
    {
        Number = number;
        _journal = journal;
        _restart = new Timer(_ => StartAgain());
        Disk = new NodeDisk(directory, Name);
        Clock = ClockShim.For(clockLibrary, directory, Name);
        _log = new StreamWriter(Path.Combine(directory, "logs", $"{Name}.log")) { AutoFlush = true };
    }

    /// <summary>From 1; the cluster gives it the same number.</summary>
    public int Number { get; }

    public string Name => $"n{Number}";

    public string Endpoint => $"{Wire.AddressOf(Number)}:{Port}";

    public NodeDisk Disk { get; }

    public ClockShim Clock { get; }

    /// <summary>How often it has ended without being told to.</summary>
    public int OwnExits { get; private set; }

    public bool IsRunning
    {
        get
        {
            lock (_gate) return _process is { HasExited: false };
        }
    }

    public void Start()
    {
        lock (_gate) StartLocked();
    }

    /// <summary>kill -9, and it stays down until <see cref="Release"/> has been called as often.</summary>
    public void Hold()
    {
        lock (_gate)
        {
            _downReasons++;
            End(SigKill);
        }
    }

    public void Release()
    {
        lock (_gate)
            if (--_downReasons == 0) StartLocked();
    }

    /// <summary>kill -9, and started at once.</summary>
    public void KillAndStart()
    {
        lock (_gate)
        {
            End(SigKill);
            if (_downReasons == 0) StartLocked();
        }
    }

    /// <summary>SIGTERM, waits for its end, and starts it.</summary>
    public void StopAndStart()
    {
        lock (_gate)
        {
            End(SigTerm);
            if (_downReasons == 0) StartLocked();
        }
    }

    public void Pause()
    {
        lock (_gate)
        {
            _pauseReasons++;
            Signal(SigStop);
        }
    }

    public void Continue()
    {
        lock (_gate)
            if (--_pauseReasons == 0) Signal(SigContinue);
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isOver = true;
            End(SigKill);
        }

        _restart.Dispose();
        _process?.Dispose();
        lock (_log) _log.Dispose();
        Disk.Dispose();
    }

    private void StartLocked()
    {
        if (_isOver || _process is { HasExited: false }) return;
        var start = new ProcessStartInfo("nsenter") { RedirectStandardOutput = true, RedirectStandardError = true };
        string[] arguments =
        [
            $"--net={Wire.NamespacePathOf(Number)}", KvdBinary.Path, "run", "--name", Name, "--data-dir", Disk.DataDirectory,
            "--listen", Endpoint, "--http", $"{Wire.AddressOf(Number)}:{Port + 1}",
        ];
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        foreach (var (name, value) in ChaosCluster.NodeEnvironment.Concat(Clock.Environment)) start.Environment[name] = value;
        var process = new Process { StartInfo = start, EnableRaisingEvents = true };
        process.OutputDataReceived += (_, line) => Log(line.Data);
        process.ErrorDataReceived += (_, line) => Log(line.Data);

        // Not here: the event is raised under a lock of the process, which whoever ends it takes under the gate.
        process.Exited += (_, _) => ThreadPool.QueueUserWorkItem(OnExited, process, preferLocal: false);
        _process?.Dispose();
        _process = process;
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (_pauseReasons > 0) Signal(SigStop);
    }

    /// <summary>What is ended here is no longer the node's process when its end is noticed.</summary>
    private void End(int signal)
    {
        if (_process is not { } process) return;
        _process = null;
        var hadEnded = process.HasExited;
        if (hadEnded)
        {
            OwnExits++;
            _journal.Problem("nodes", $"{Name} had ended by itself with {process.ExitCode} when it was to end; its log says why");
        }
        else
        {
            _ = SendSignal(process.Id, signal);
            if (signal == SigTerm && _pauseReasons > 0) _ = SendSignal(process.Id, SigContinue);
            if (!process.WaitForExit(StopPatienceMs))
            {
                _journal.Problem("nodes", $"{Name} did not end within {StopPatienceMs} ms of signal {signal}");
                _ = SendSignal(process.Id, SigKill);
                process.WaitForExit();
            }
        }

        if (!hadEnded && signal == SigTerm && process.ExitCode != 0) _journal.Problem("nodes", $"{Name} ended with {process.ExitCode} when it was told to stop; its log says why");
        process.Dispose();
    }

    private void OnExited(Process process)
    {
        lock (_gate)
        {
            if (_process != process || _isOver) return;
            var code = process.ExitCode;
            OwnExits++;
            _journal.Problem("nodes", $"{Name} ended by itself with {code}; its log says why");
            if (code != 0 && !FinalCodes.Contains(code)) _restart.Change(RestartAfterMs, Timeout.Infinite);
        }
    }

    private void StartAgain()
    {
        lock (_gate)
            if (_downReasons == 0) StartLocked();
    }

    private void Signal(int number)
    {
        if (_process is { HasExited: false } process) _ = SendSignal(process.Id, number);
    }

    private void Log(string? line)
    {
        if (line is null) return;
        if (!_hasFoundDamage && line.Contains("is damaged at offset", StringComparison.Ordinal))
        {
            // No fault here damages anything.
            _hasFoundDamage = true;
            _journal.Problem("damage", $"{Name} has found damage: {line}");
        }

        lock (_log)
            if (_log.BaseStream is not null) _log.WriteLine($"{_journal.Seconds} {line}");
    }

    [LibraryImport("libc.so.6", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int process, int signal);
}

using System.Diagnostics;
using KvStore.Daemon.Ctl.Output;

namespace KvStore.Daemon.Ctl.Load;

/// <summary>The rate of a load run, once a second on a terminal and nowhere else.</summary>
internal sealed class LoadProgress : IDisposable
{
    private const string ClearLine = "\r\e[K";
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(1);

    private readonly Lock _line = new();
    private readonly LoadRun _run;
    private readonly TextWriter _error;
    private readonly Timer? _timer;
    private long _lastDone;
    private long _lastTime = Stopwatch.GetTimestamp();
    private bool _ended;

    public LoadProgress(LoadRun run, CtlStreams streams)
    {
        _run = run;
        _error = streams.Error;
        if (streams.ErrorIsTerminal) _timer = new Timer(_ => Show(), null, s_interval, s_interval);
    }

    /// <summary>Clears the line for good. May be called twice.</summary>
    public void Dispose()
    {
        if (_timer is null) return;
        _timer.Dispose();
        lock (_line)
        {
            if (!_ended) _error.Write(ClearLine);
            _ended = true;
        }
    }

    private void Show()
    {
        lock (_line)
        {
            // A tick that was already under way when the timer was disposed.
            if (_ended) return;
            var (done, now) = (_run.Done, Stopwatch.GetTimestamp());
            var rate = Math.Max(0, done - _lastDone) / Stopwatch.GetElapsedTime(_lastTime, now).TotalSeconds;
            (_lastDone, _lastTime) = (done, now);
            _error.Write($"{ClearLine}{HumanText.Count(done)} operations, {HumanText.Count((long)rate)} per second");
        }
    }
}

using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using KvStore.Tests.Simulation.Runs;

namespace KvStore.Tests.Chaos.Nodes;

/// <summary>The clock of a run, what happens in it line by line, and what went wrong beside the answers that clients got. Any thread.</summary>
/// <param name="file">Gets the same lines.</param>
internal sealed class ChaosJournal(TextWriter output, TextWriter file)
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly ConcurrentQueue<Violation> _problems = new();

    /// <summary>Nanoseconds since the run began; never goes back.</summary>
    public long NowNs => (long)((Stopwatch.GetTimestamp() - _start) * (1e9 / Stopwatch.Frequency));

    public string Seconds => string.Create(CultureInfo.InvariantCulture, $"{NowNs / 1e9,9:F3} s");

    public IReadOnlyCollection<Violation> Problems => _problems;

    public void Say(string text)
    {
        lock (output)
        {
            var line = $"{Seconds}  {text}";
            output.WriteLine(line);
            file.WriteLine(line);
            file.Flush();
        }
    }

    /// <param name="check">By whose judgement.</param>
    public void Problem(string check, string text)
    {
        _problems.Enqueue(new Violation(check, $"at {Seconds.TrimStart()}: {text}"));
        Say($"PROBLEM {check}: {text}");
    }
}

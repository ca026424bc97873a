using System.Globalization;
using System.Text;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>Sums of many runs.</summary>
internal sealed class SimulationTally
{
    private readonly SortedDictionary<FaultKind, int> _faults = [];
    private long _applied;
    private long _notApplied;
    private long _unknown;
    private long _reads;
    private long _cut;
    private ulong _steps;

    public int Runs { get; private set; }

    public int Failed { get; private set; }

    public void Add(RunResult result)
    {
        Runs++;
        if (!result.IsClean) Failed++;
        _applied += result.Applied;
        _notApplied += result.NotApplied;
        _unknown += result.Unknown;
        _reads += result.Reads;
        _cut += result.CutFastWrites;
        _steps += result.Steps;
        foreach (var (kind, count) in result.Faults) _faults[kind] = _faults.GetValueOrDefault(kind) + count;
    }

    public string Text(int seconds, TimeSpan elapsed)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{Runs} runs of {seconds} s in {elapsed.TotalSeconds:F1} s: {Runs * seconds / elapsed.TotalSeconds:F0} times as fast as real time, {_steps} events");
        text.AppendLine(CultureInfo.InvariantCulture, $"writes: {_applied} applied, {_notApplied} not applied, {_unknown} unknown, {_cut} fast ones acknowledged and cut; reads: {_reads}");
        text.Append(CultureInfo.InvariantCulture, $"faults: {string.Join(", ", _faults.Select(f => $"{f.Key} {f.Value}"))}");
        return text.ToString();
    }
}

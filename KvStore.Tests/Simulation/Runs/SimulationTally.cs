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
    private long _batches;
    private long _refusedBatches;
    private long _fastBatches;
    private long _getsOfMany;
    private long _laterPages;
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
        _batches += result.Batches;
        _refusedBatches += result.RefusedBatches;
        _fastBatches += result.FastBatches;
        _getsOfMany += result.GetsOfMany;
        _laterPages += result.LaterPages;
        _cut += result.CutFastWrites;
        _steps += result.Steps;
        foreach (var (kind, count) in result.Faults) _faults[kind] = _faults.GetValueOrDefault(kind) + count;
    }

    /// <summary>What a hundred seeds and more cannot do without.</summary>
    public IEnumerable<string> Gaps()
    {
        if (_applied < 1_000L * Runs) yield return $"only {_applied} writes applied";
        if (_notApplied < 100L * Runs) yield return $"only {_notApplied} writes refused";
        if (_unknown < 5L * Runs) yield return $"only {_unknown} writes of unknown outcome";
        if (_reads < 3_000L * Runs) yield return $"only {_reads} reads answered";
        if (_batches < 10L * Runs) yield return $"only {_batches} batches applied";
        if (_refusedBatches < Runs) yield return $"only {_refusedBatches} batches refused because a condition did not hold";
        if (_fastBatches < 10L * Runs) yield return $"only {_fastBatches} fast batches acknowledged";
        if (_getsOfMany < 10L * Runs) yield return $"only {_getsOfMany} gets of several keys answered";
        if (_laterPages < 10L * Runs) yield return $"only {_laterPages} pages after a first one";
        if (_cut == 0) yield return "no fast write cut";
        foreach (var kind in Enum.GetValues<FaultKind>())
            if (!_faults.ContainsKey(kind)) yield return $"no {kind}";
    }

    public string Text(int seconds, TimeSpan elapsed)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{Runs} runs of {seconds} s in {elapsed.TotalSeconds:F1} s: {Runs * seconds / elapsed.TotalSeconds:F0} times as fast as real time, {_steps} events");
        text.AppendLine(CultureInfo.InvariantCulture, $"writes: {_applied} applied, {_notApplied} not applied, {_unknown} unknown; {_batches} batches applied, {_fastBatches} of them fast, {_refusedBatches} refused by a condition; {_cut} fast ones acknowledged and cut; reads: {_reads}, {_getsOfMany} gets of several keys, {_laterPages} pages after a first one");
        text.Append(CultureInfo.InvariantCulture, $"faults: {string.Join(", ", _faults.Select(f => $"{f.Key} {f.Value}"))}");
        return text.ToString();
    }
}

using System.Globalization;
using System.Text;
using KvStore.Protocol.Messages;
using KvStore.Tests.Simulation.Checkers;
using KvStore.Tests.Simulation.Runs;

namespace KvStore.Tests.Chaos.Runs;

/// <summary>What came of a run.</summary>
/// <param name="Checks">The names of all that was checked.</param>
/// <param name="Cut">Fast writes that were acknowledged and cut by a new leader.</param>
internal sealed record ChaosReport(
    ChaosOptions Options, int Nodes, double Seconds, ObservedHistory History, IReadOnlyList<FaultFigures> Faults, IReadOnlyList<string> Checks, IReadOnlyList<Violation> Violations, int Cut)
{
    public int Failed => Violations.Select(v => v.Check).Distinct().Count();

    private int Passed => Checks.Count(check => Violations.All(v => v.Check != check));

    public string Text()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{Nodes} nodes, {Seconds:F0} s, {History.Writes.Count + History.Reads.Count + History.ReadErrors.Count} operations, {Faults.Where(f => f.Kind != FaultSpan.TwoAtOnce).Sum(f => f.Alone + f.Paired)} faults, {Violations.Count} violations");
        text.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"{"writes",-22}{"applied",10}{"condition",11}{"refused",10}{"unknown",10}");
        foreach (var kind in History.Writes.GroupBy(NameOf).OrderBy(g => g.Key, StringComparer.Ordinal))
            text.AppendLine(CultureInfo.InvariantCulture, $"{kind.Key,-22}{kind.Count(w => w.IsApplied),10}{kind.Count(IsMet),11}{kind.Count(w => w.Outcome == Outcome.NotApplied && !IsMet(w)),10}{kind.Count(w => w.Outcome == Outcome.Unknown),10}");
        text.AppendLine(CultureInfo.InvariantCulture, $"fast writes acknowledged and cut by a new leader: {Cut}");
        text.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"{"reads",-22}{"answered",10}");
        foreach (var kind in History.Reads.GroupBy(r => $"{r.Consistency.Name()} {(r.IsScan ? "scan, per key" : "get")}").OrderBy(g => g.Key, StringComparer.Ordinal))
            text.AppendLine(CultureInfo.InvariantCulture, $"{kind.Key,-22}{kind.Count(),10}");
        text.AppendLine(CultureInfo.InvariantCulture, $"{"failed",-22}{History.ReadErrors.Count,10}");
        text.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"{"faults",-22}{"alone",8}{"paired",8}{"longest without strong writes",32}{"of that after the end",24}");
        foreach (var kind in Faults) text.AppendLine(CultureInfo.InvariantCulture, $"{kind.Kind,-22}{kind.Alone,8}{kind.Paired,8}{kind.Longest,32}{kind.LongestAfterSeconds,22:F2} s{(kind.Kind == FaultSpan.TwoAtOnce ? $"  {kind.Worst}" : "")}");
        text.AppendLine();
        foreach (var violation in Violations) text.AppendLine(CultureInfo.InvariantCulture, $"VIOLATION {violation.Check}: {violation.Text}");
        if (Violations.Count > 0) text.AppendLine(CultureInfo.InvariantCulture, $"again: {Options.Command()}");
        text.Append(CultureInfo.InvariantCulture, $"{Passed} passed, {Failed} failed");
        return text.ToString();
    }

    private static string NameOf(ObservedWrite write) => $"{write.Mode.Name()} {(write.Value is null ? "delete" : "put")}{(write.Condition.Kind == ConditionKind.None ? "" : " if")}";

    private static bool IsMet(ObservedWrite write) => write.Error == KvError.ConditionFailed;
}

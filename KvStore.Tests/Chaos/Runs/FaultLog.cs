using System.Globalization;
using KvStore.Tests.Chaos.Load;

namespace KvStore.Tests.Chaos.Runs;

/// <summary>Faults that were on together, from the first one's beginning until all of them had ended.</summary>
internal readonly record struct FaultSpan(ChaosFault[] Faults, long BeginNs, long EndNs)
{
    /// <summary>By which figures are added up.</summary>
    public string Kind => Faults.Length == 1 ? ChaosFault.NameOf(Faults[0].Kind) : TwoAtOnce;

    public const string TwoAtOnce = "two at once";

    public override string ToString() => string.Join(" + ", Faults.Select(f => ChaosFault.NameOf(f.Kind)));
}

/// <summary>What one kind of fault did to strong writes while it was on alone, or two together.</summary>
/// <param name="Alone">How often it was on alone.</param>
/// <param name="Paired">How often beside another.</param>
/// <param name="LongestSeconds">The longest time in which a partition took none.</param>
/// <param name="LongestAfterSeconds">The part of such a time that lay behind the fault's end.</param>
/// <param name="Worst">Which of those that are counted here it was.</param>
internal readonly record struct FaultFigures(string Kind, int Alone, int Paired, double LongestSeconds, double LongestAfterSeconds, string Worst)
{
    /// <summary>The longest time, as text: what is too short to be kept is not nothing.</summary>
    public string Longest => Alone == 0 ? "-" : LongestSeconds == 0
        ? string.Create(CultureInfo.InvariantCulture, $"under {Availability.LeastGapNs / 1e9:F1} s")
        : string.Create(CultureInfo.InvariantCulture, $"{LongestSeconds:F2} s");

    /// <summary>Each gap belongs to the faults that had begun last when it ended.</summary>
    public static IReadOnlyList<FaultFigures> Of(IReadOnlyList<FaultSpan> spans, IReadOnlyList<Gap> gaps)
    {
        var blamed = gaps.Select(gap => (Gap: gap, Span: spans.LastOrDefault(s => s.BeginNs <= gap.UntilNs))).Where(b => b.Span.Faults is not null).ToLookup(b => b.Span.Kind);
        return
        [
            .. spans.SelectMany(s => s.Faults.Select(f => ChaosFault.NameOf(f.Kind)).Append(s.Kind)).Distinct().Order(StringComparer.Ordinal).Select(kind => new FaultFigures(
                kind, spans.Count(s => s.Kind == kind), spans.Where(s => s.Kind == FaultSpan.TwoAtOnce).Sum(s => s.Faults.Count(f => ChaosFault.NameOf(f.Kind) == kind)),
                blamed[kind].Select(b => b.Gap.Seconds).DefaultIfEmpty(0).Max(), blamed[kind].Select(b => SecondsAfter(b.Gap, b.Span)).DefaultIfEmpty(0).Max(),
                blamed[kind].OrderByDescending(b => b.Gap.Seconds).Select(b => b.Span.ToString()).FirstOrDefault(""))),
        ];
    }

    private static double SecondsAfter(Gap gap, FaultSpan span) => Math.Max(gap.UntilNs - Math.Max(gap.FromNs, span.EndNs), 0) / 1e9;
}

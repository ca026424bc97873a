namespace KvStore.Bench.Reports;

/// <summary>Which side of a goal is good.</summary>
internal enum GoalKind
{
    AtLeast,
    AtMost,
}

/// <summary>A target of the performance page: the ratio, or the figure itself, must be at least or at most this.</summary>
internal readonly record struct Goal(GoalKind Kind, double Value)
{
    public static Goal AtLeast(double value) => new(GoalKind.AtLeast, value);

    public static Goal AtMost(double value) => new(GoalKind.AtMost, value);

    public bool IsMetBy(double figure) => Kind == GoalKind.AtLeast ? figure >= Value : figure <= Value;

    public override string ToString() => FormattableString.Invariant($"{(Kind == GoalKind.AtLeast ? ">=" : "<=")} {Value:0.###}");
}

/// <summary>
/// One line of a report. <see cref="Ratio"/> is ours / peer, or ours / limit where there is no
/// peer; the goal applies to the ratio if there is one, else to our figure. A field that means
/// nothing for the row is null.
/// </summary>
internal sealed record ReportRow(string Name, double? Ours, double? Peer, double? Limit, string Unit, Goal? Goal)
{
    /// <summary>Further facts of the row (client count, quantiles, CPU ...), for the JSON output only.</summary>
    public IReadOnlyDictionary<string, object> Details { get; init; } = new Dictionary<string, object>();

    public double? Ratio => Ours / (Peer ?? Limit);

    /// <summary>Null when there is no goal or no figure to hold against it.</summary>
    public bool? Ok => Goal is { } goal && (Ratio ?? Ours) is { } figure && double.IsFinite(figure) ? goal.IsMetBy(figure) : null;
}

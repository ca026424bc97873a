using System.Globalization;
using System.Text;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>
/// Decides whether the operations that clients saw can be put in one order per key in which every answer is right and none
/// takes effect outside its time (Herlihy and Wing, 1990). Keys are independent registers, so each is checked by itself.
/// Time to live is not modelled: histories leave expiring records out.
/// A wrong answer amid many concurrent deletes can take more states than the bound allows: undecided is a failure to look into,
/// and its explanation ends where the most likely order ends.
/// </summary>
internal static class LinearizabilityChecker
{
    private const int ShownBefore = 8;
    private const int ShownOpen = 16;

    /// <param name="operations">In any order, of any number of keys.</param>
    /// <param name="maxStates">How far the search of one key goes before it is given up as undecided.</param>
    public static LinearizabilityResult Check(IEnumerable<RegisterOperation> operations, long maxStates = 200_000)
    {
        var undecided = default(LinearizabilityResult);
        foreach (var key in operations.GroupBy(o => o.Key, StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            var history = key.ToList();
            switch (Decide(history, maxStates, out var why))
            {
                case LinearizabilityVerdict.Violation:
                    return new LinearizabilityResult(LinearizabilityVerdict.Violation, key.Key, Explain(history, maxStates));
                case LinearizabilityVerdict.Undecided:
                    undecided ??= new LinearizabilityResult(LinearizabilityVerdict.Undecided, key.Key, $"gave up after {maxStates} states; {why}");
                    break;
            }
        }

        return undecided ?? LinearizabilityResult.Linearizable;
    }

    private static LinearizabilityVerdict Decide(List<RegisterOperation> history, long maxStates, out string why)
    {
        var prepared = new KeyHistory(history);
        why = prepared.Impossible ?? "";
        if (prepared.Impossible is not null) return LinearizabilityVerdict.Violation;
        var search = new RegisterSearch(prepared);
        var verdict = search.Run(maxStates);
        if (verdict != LinearizabilityVerdict.Linearizable) why = DescribeDeadEnd(prepared, search.LongestOrder);
        return verdict;
    }

    /// <summary>
    /// Every part of a linearizable history up to some moment is linearizable: the first moment at which it is not names the
    /// culprit. Where a part cannot be decided cheaply the culprit may stand before the one named, and the text says so.
    /// </summary>
    private static string Explain(List<RegisterOperation> history, long maxStates)
    {
        var returns = history.Where(o => o.Outcome is RegisterOutcome.Ok or RegisterOutcome.ConditionFailed).OrderBy(o => o.ReturnedAt).ToList();
        var (good, bad) = (-1, returns.Count - 1);
        var isFirst = true;
        Decide(history, maxStates, out var why);
        while (bad - good > 1)
        {
            var middle = (good + bad) / 2;
            var verdict = Decide(UpTo(history, returns[middle].ReturnedAt), maxStates, out var whyThen);
            isFirst &= verdict != LinearizabilityVerdict.Undecided;
            (good, bad, why) = verdict == LinearizabilityVerdict.Violation ? (good, middle, whyThen) : (middle, bad, why);
        }

        return $"{(isFirst ? "until here an order explains every answer" : "here or before")}, with this one none does:\n  {returns[bad]}\n{why}";
    }

    /// <summary>What was known at a moment: what had not returned by then may or may not have taken effect.</summary>
    private static List<RegisterOperation> UpTo(List<RegisterOperation> history, long moment) =>
    [
        .. history.Where(o => o.InvokedAt <= moment)
            .Where(o => o.ReturnedAt <= moment || o.Outcome is RegisterOutcome.Ok or RegisterOutcome.Unknown)
            .Select(o => o.ReturnedAt <= moment || o.Outcome == RegisterOutcome.Unknown ? o : o with { Outcome = RegisterOutcome.Unknown, Existed = null }),
    ];

    private static string DescribeDeadEnd(KeyHistory history, int[] order)
    {
        var text = new StringBuilder("the longest order found ends");
        if (order.Length > ShownBefore) text.Append(CultureInfo.InvariantCulture, $" (after {order.Length - ShownBefore} others)");
        text.Append(" with\n");
        foreach (var placed in order.TakeLast(ShownBefore)) text.Append("  ").Append(history.Operations[placed]).Append('\n');
        var done = order.ToHashSet();
        var left = Enumerable.Range(0, history.Operations.Length).Where(i => history.Must[i] && !done.Contains(i)).ToList();
        var firstReturn = left.Min(i => history.Return[i]);
        text.Append("and none of those that could come next fits there\n");
        foreach (var open in left.Where(i => history.Invoke[i] <= firstReturn).Take(ShownOpen)) text.Append("  ").Append(history.Operations[open]).Append('\n');
        return text.ToString();
    }
}

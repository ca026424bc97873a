using System.Collections.Immutable;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>
/// The definition of linearizability, written down without any thought of speed: tries every order. For one key and a few
/// operations; what the real checker is compared with. A write whose revision is unknown is bound to the first that an
/// answer names while its value is in place.
/// </summary>
internal sealed class ExhaustiveChecker(IReadOnlyList<RegisterOperation> operations)
{
    private readonly List<RegisterOperation> _operations =
        [.. operations.Where(o => o.Outcome != RegisterOutcome.NotApplied && !(o.Action == RegisterAction.Get && o.Outcome != RegisterOutcome.Ok))];

    public bool IsLinearizable() => Try(ImmutableHashSet<int>.Empty, -1, ImmutableDictionary<int, string>.Empty);

    private static long End(RegisterOperation o) => o.Outcome == RegisterOutcome.Unknown ? long.MaxValue : o.ReturnedAt;

    private bool Try(ImmutableHashSet<int> placed, int state, ImmutableDictionary<int, string> bound)
    {
        var left = Enumerable.Range(0, _operations.Count).Where(i => !placed.Contains(i)).ToList();
        if (left.All(i => _operations[i].Outcome == RegisterOutcome.Unknown)) return true;
        var firstEnd = left.Min(i => End(_operations[i]));
        return left.Where(i => _operations[i].InvokedAt <= firstEnd).Any(i => Step(i, placed, state, bound));
    }

    private bool Step(int i, ImmutableHashSet<int> placed, int state, ImmutableDictionary<int, string> bound)
    {
        var o = _operations[i];
        var after = placed.Add(i);
        var failed = o.Outcome == RegisterOutcome.ConditionFailed;
        switch (o.Action)
        {
            case RegisterAction.Get:
                return o.Value is null
                    ? state == -1 && Try(after, state, bound)
                    : state != -1 && _operations[state].Value == o.Value && Bind(state, o.Revision, bound) is { } read && Try(after, state, read);
            case RegisterAction.Put:
                return Try(after, i, bound);
            case RegisterAction.Delete:
                return (o.Existed is null || o.Existed == (state != -1)) && Try(after, -1, bound);
            case RegisterAction.PutIfAbsent when failed:
                return state != -1 && Bind(state, o.Revision, bound) is { } met && Try(after, state, met);
            case RegisterAction.PutIfAbsent:
                return state == -1 && Try(after, i, bound);
            default:
                return failed ? FailedVersion(o, after, state, bound)
                    : state != -1 && Bind(state, o.Expected, bound) is { } held && Try(after, o.Action == RegisterAction.PutIfVersion ? i : -1, held);
        }
    }

    private bool FailedVersion(RegisterOperation o, ImmutableHashSet<int> after, int state, ImmutableDictionary<int, string> bound)
    {
        if (o.Revision is not null) return o.Revision != o.Expected && state != -1 && Bind(state, o.Revision, bound) is { } met && Try(after, state, met);
        return (state == -1 || (_operations[state].Revision ?? bound.GetValueOrDefault(state)) is not { } known || known != o.Expected) && Try(after, state, bound);
    }

    private ImmutableDictionary<int, string>? Bind(int state, string? revision, ImmutableDictionary<int, string> bound)
    {
        if (revision is null) return bound;
        if ((_operations[state].Revision ?? bound.GetValueOrDefault(state)) is { } known) return known == revision ? bound : null;
        var taken = bound.ContainsValue(revision) || _operations.Any(o => o.Revision == revision && o.Value is not null && o.Action != RegisterAction.Get && o.Outcome == RegisterOutcome.Ok);
        return taken ? null : bound.SetItem(state, revision);
    }
}

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>
/// In the end all replicas of a partition hold the same: keys, values, revisions, expiries, and which records are dead. The value of an
/// expired record may be gone on some.
/// </summary>
internal sealed class ConvergenceCheck : IHistoryCheck
{
    public string Name => "convergence";

    public IEnumerable<string> Check(ObservedHistory history)
    {
        foreach (var replicas in history.Replicas.GroupBy(replica => replica.Partition))
        {
            var first = replicas.First();
            foreach (var other in replicas.Skip(1))
            {
                if (first.Applied != other.Applied)
                    yield return $"partition {replicas.Key}: n{first.Node} has applied {first.Applied}, n{other.Node} {other.Applied}";
                foreach (var difference in Differences(first, other)) yield return $"partition {replicas.Key}: {difference}";
            }
        }
    }

    private static IEnumerable<string> Differences(ReplicaContent a, ReplicaContent b)
    {
        foreach (var key in a.Records.Keys.Union(b.Records.Keys).Order(StringComparer.Ordinal))
        {
            var (one, other) = (a.Records.GetValueOrDefault(key), b.Records.GetValueOrDefault(key));
            if (!AreEqual(one, other)) yield return $"{key} is {Describe(one)} on n{a.Node} and {Describe(other)} on n{b.Node}";
        }
    }

    private static bool AreEqual(ReplicaRecord? a, ReplicaRecord? b)
    {
        if (a is null || b is null) return a == b;
        var mayLackValue = a.ExpiresAtMs != 0 && (a.Value.Length == 0 || b.Value.Length == 0);
        return a == b || (mayLackValue && a with { Value = "" } == b with { Value = "" });
    }

    private static string Describe(ReplicaRecord? record) =>
        record is null ? "nothing" : $"{(record.IsTombstone ? "deleted" : Shown.Value(record.Value))} @{record.Revision}{(record.ExpiresAtMs == 0 ? "" : $" until {record.ExpiresAtMs}")}";
}

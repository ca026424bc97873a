namespace KvStore.Tests.Simulation.Checkers;

/// <summary>A write's acked_by names, beside its primary, only nodes that had told that their disk holds it.</summary>
internal sealed class AckedByCheck(AcknowledgedEntries acknowledged) : IHistoryCheck
{
    public string Name => "acked-by";

    public IEnumerable<string> Check(ObservedHistory history)
    {
        foreach (var write in history.Writes.Where(w => w.IsApplied))
        {
            foreach (var node in write.AckedBy)
            {
                if (node != write.Primary && !acknowledged.HadTold(write.Partition, node, write.Version, write.CompletedNs))
                    yield return $"n{node} had not told that it holds it: {write}";
            }
        }
    }
}

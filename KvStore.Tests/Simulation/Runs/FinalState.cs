using System.Text;
using KvStore.Core.Io;
using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Storage;
using KvStore.Tests.Simulation.Checkers;
using KvStore.Tests.Storage;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>Reads what every replica shows when nothing moves any more: all that was acknowledged is applied, or was cut, so that is what it holds.</summary>
internal static class FinalState
{
    /// <summary>Replicas that cannot be read for damage are left out: nobody has noticed it yet, and nobody can be told what was in them.</summary>
    /// <param name="mayBeDamaged">Whether a node may have such replicas.</param>
    public static List<ReplicaContent> Read(IEnumerable<KvNode> nodes, Func<int, bool> mayBeDamaged)
    {
        var contents = new List<ReplicaContent>();
        foreach (var node in nodes)
        {
            foreach (var replica in node.Replicas)
            {
                try
                {
                    contents.Add(Read(node.Self, replica.Id, replica.Store));
                }
                catch (CorruptionException) when (mayBeDamaged(node.Self.Value))
                {
                }
            }
        }

        return contents;
    }

    private static ReplicaContent Read(NodeId node, PartitionId partition, PartitionStore store)
    {
        using var view = store.Pin();
        var records = new SortedDictionary<string, ReplicaRecord>(StringComparer.Ordinal);
        var all = view.Scan(Records.Key(""), Records.Key(""), includeOverlay: true);
        while (all.MoveNext())
        {
            var (info, key) = (all.Info, Encoding.UTF8.GetString(all.Key));
            if (!key.StartsWith(SimulationRun.LastWritesPrefix, StringComparison.Ordinal)) records.Add(key, new ReplicaRecord(
                info.IsTombstone ? "" : TaggedValue.WordOf(all.Value), info.Revision.ToWire(), info.ExpiresAtMs, info.IsTombstone));
        }

        var applied = store.Applied;
        return new ReplicaContent(partition.Value, node.Value, new RecordVersion(applied.Term.Value, applied.Index.Value), records);
    }
}

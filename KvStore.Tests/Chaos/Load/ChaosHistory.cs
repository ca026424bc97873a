using KvStore.Protocol.Client;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using KvStore.Tests.Chaos.Nodes;
using KvStore.Tests.Simulation.Checkers;
using KvStore.Tests.Simulation.Runs;

namespace KvStore.Tests.Chaos.Load;

/// <summary>What all clients of a run have seen, in the form that the checkers of the simulation judge. Any thread.</summary>
internal sealed class ChaosHistory
{
    private readonly SeenHistory _seen = new();

    public int Operations
    {
        get
        {
            lock (_seen) return _seen.Writes.Count + _seen.Reads.Count;
        }
    }

    /// <summary>All that anybody tried to write.</summary>
    public IReadOnlyCollection<string> Keys
    {
        get
        {
            lock (_seen) return _seen.Writes.Select(w => w.Key).ToHashSet();
        }
    }

    public void Add(ObservedWrite write)
    {
        lock (_seen) _seen.Writes.Add(write);
    }

    public void Add(ObservedRead read)
    {
        lock (_seen) _seen.Reads.Add(read);
    }

    public void AddReadError(string read, KvError error, Outcome outcome)
    {
        lock (_seen) _seen.ReadErrors.Add(($"{read}: {error.Name()}", error, outcome));
    }

    /// <summary>Once nobody adds any more.</summary>
    public ObservedHistory With(IReadOnlyList<ReplicaContent> replicas) => _seen.With(replicas, clocksAgree: false, starts: []);

    public static ushort PartitionOf(string key) => KeyPartition.Of(System.Text.Encoding.UTF8.GetBytes(key), ChaosCluster.Partitions);

    /// <summary>A get as its client saw it answered.</summary>
    public static ObservedRead Answered(int client, string key, ReadConsistency consistency, in ReadResult result, long invokedNs, long nowNs) => new()
    {
        Client = client,
        Key = key,
        Partition = PartitionOf(key),
        Consistency = consistency,
        Achieved = result.Achieved,
        InvokedNs = invokedNs,
        CompletedNs = nowNs,
        Value = result.Found ? TaggedValue.WordOf(result.Value.Span) : null,
        Revision = result.Revision,
        StalenessMs = result.StalenessMs,
        ServedBy = result.ServedBy,
    };

    /// <summary>A write as its client saw it end.</summary>
    public static ObservedWrite Ended(ObservedWrite write, in WriteResult result, long nowNs) => write with
    {
        CompletedNs = nowNs,
        Outcome = result.Outcome,
        Error = result.Error,
        Revision = result.Revision,
        Existed = result.Existed,
        Achieved = result.Achieved,
        Primary = result.Primary,
        AckedBy = result.AckedBy.ToArray(),
    };

    public static ObservedWrite Ended(ObservedWrite write, KvException failure, long nowNs) => write with
    {
        CompletedNs = nowNs,
        Outcome = failure.Outcome,
        Error = failure.Code,
        Revision = failure.CurrentRevision ?? WireRevision.None,
    };
}

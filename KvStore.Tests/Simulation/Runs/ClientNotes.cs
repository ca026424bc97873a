using KvStore.Protocol.Messages;
using KvStore.Tests.Simulation.Checkers;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>What one client writes down of its answers, for the checkers and for its own next requests.</summary>
internal sealed class ClientNotes(SimCluster cluster, SeenHistory history, int number)
{
    private readonly Dictionary<string, WireRevision> _known = [];

    public int Number => number;

    /// <summary>Told of what a read has returned, at that moment.</summary>
    public Action<ObservedRead>? Shown { get; init; }

    public ushort PartitionOf(string key) => cluster.PartitionOf(key).Value;

    /// <summary>The last revision of a key that the client was told; none if it was told of none.</summary>
    public WireRevision Known(string key) => _known.GetValueOrDefault(key);

    public void Add(ObservedRead read)
    {
        if (!read.IsScan && !read.Revision.IsNone) _known[read.Key] = read.Revision;
        history.Reads.Add(read);
        Shown?.Invoke(read);
    }

    public void Add(ObservedWrite write)
    {
        if ((write.Outcome == Outcome.Applied || write.Error == KvError.ConditionFailed) && !write.Revision.IsNone) _known[write.Key] = write.Revision;
        history.Writes.Add(write);
    }

    public void Add(ObservedPage page) => history.Pages.Add(page);

    public void AddReadError(KvError code, Outcome outcome, string message) =>
        history.ReadErrors.Add(($"client {number}: {code.Name()} {message}", code, outcome));

    public void CountGetOfMany() => history.GetsOfMany++;
}

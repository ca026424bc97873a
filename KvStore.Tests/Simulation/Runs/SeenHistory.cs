using KvStore.Protocol.Messages;
using KvStore.Tests.Simulation.Checkers;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>What the clients of a run have seen so far.</summary>
internal sealed class SeenHistory
{
    public List<ObservedWrite> Writes { get; } = [];

    public List<ObservedRead> Reads { get; } = [];

    public List<(string Read, KvError Error, Outcome Outcome)> ReadErrors { get; } = [];

    public ObservedHistory With(IReadOnlyList<ReplicaContent> replicas, bool clocksAgree) => new()
    {
        ClocksAgree = clocksAgree,
        Writes = Writes,
        Reads = Reads,
        ReadErrors = ReadErrors,
        Replicas = replicas,
    };
}

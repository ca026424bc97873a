using KvStore.Protocol.Messages;
using KvStore.Tests.Simulation.Checkers;

namespace KvStore.Tests.Simulation.Runs;

/// <summary>What the clients of a run have seen so far.</summary>
internal sealed class SeenHistory
{
    public List<ObservedWrite> Writes { get; } = [];

    public List<ObservedRead> Reads { get; } = [];

    public List<(string Read, KvError Error, Outcome Outcome)> ReadErrors { get; } = [];

    public List<ObservedPage> Pages { get; } = [];

    /// <summary>How many gets of several keys were answered.</summary>
    public int GetsOfMany { get; set; }

    /// <param name="replicas">What they hold in the end.</param>
    /// <param name="starts">When each process of a node began; empty where nobody knows.</param>
    public ObservedHistory With(IReadOnlyList<ReplicaContent> replicas, bool clocksAgree, IReadOnlyList<(ushort Node, long AtNs)> starts) => new()
    {
        Pages = Pages,
        Starts = starts,
        ClocksAgree = clocksAgree,
        Writes = Writes,
        Reads = Reads,
        ReadErrors = ReadErrors,
        Replicas = replicas,
    };
}

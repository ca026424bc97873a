using KvStore.Daemon.Ctl.Documents;
using KvStore.Protocol.Messages;

namespace KvStore.Daemon.Ctl.Health;

/// <summary>What is known of one member.</summary>
/// <param name="Status">What it said of itself; null if it did not answer.</param>
/// <param name="Failure">Why it did not answer; null if it did.</param>
internal sealed record NodeReport(TopologyMember Member, StatusReply? Status, string? Failure)
{
    /// <summary>It answered kvctl.</summary>
    public bool Reachable => Status is not null;

    /// <summary>It takes part: it answered as a working node, or, unreachable from here, the cluster holds it for alive.</summary>
    public bool Alive => Status is { } status
        ? status.State is NodeState.Up or NodeState.Joining or NodeState.Leaving or NodeState.Draining
        : Member.Liveness == Liveness.Up;

    /// <summary>up, down, joining or leaving.</summary>
    public string State => Member.State switch
    {
        _ when !Alive => MemberState.Down,
        WireMemberState.Joining => "joining",
        WireMemberState.Leaving => "leaving",
        _ => MemberState.Up,
    };
}

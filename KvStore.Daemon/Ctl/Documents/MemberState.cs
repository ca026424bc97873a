using KvStore.Protocol.Messages;

namespace KvStore.Daemon.Ctl.Documents;

/// <summary>One word for what a member is at the moment.</summary>
internal static class MemberState
{
    public const string Up = "up";
    public const string Down = "down";
    public const string Unknown = "unknown";

    public static string[] Names => [Up, Down, "joining", "leaving", Unknown];

    /// <summary>As the node sees it that gave the topology.</summary>
    public static string Name(TopologyMember member) => member switch
    {
        { Liveness: Liveness.Down } => Down,
        { State: WireMemberState.Joining } => "joining",
        { State: WireMemberState.Leaving } => "leaving",
        { Liveness: Liveness.Up } => Up,
        _ => Unknown,
    };
}

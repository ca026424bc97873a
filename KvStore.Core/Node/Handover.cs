using KvStore.Core.Primitives;
using KvStore.Core.Raft;

namespace KvStore.Core.Node;

/// <summary>
/// To which replica of a partition its leader hands over: proposals stop meanwhile, so it is begun only where it will be short, one at a
/// time, and never to a replica that says it is damaged.
/// </summary>
internal sealed class Handover(Shard shard, RaftNode raft, PartitionStatus status)
{
    /// <summary>Entries that a replica may lack when leadership goes to it: proposals wait until it has them.</summary>
    private const ulong MaxLag = 1024;

    private readonly Dictionary<ReplicaId, long> _damagedUntilMs = [];

    /// <summary>A replica is damaged. It says so with each heartbeat.</summary>
    public void NoteDamaged(ReplicaId replica) => _damagedUntilMs[replica] = shard.NowMs + shard.Context.Options.TimeoutMs;

    public bool TryTo(ReplicaId replica) => MayTakeOver(replica) && raft.TransferLeadership(replica, shard.NowMs);

    /// <summary>
    /// This replica cannot be copied, for it is damaged where nobody has read yet: another one may be whole, and then rebuilds this one. Of
    /// two that are damaged the one that leads goes on.
    /// </summary>
    /// <param name="broken">The replica that wanted the copy.</param>
    public void OnDamaged(ReplicaId broken)
    {
        status.CannotBeCopied = true;
        foreach (var member in raft.Configuration.Voters)
        {
            if (member.Replica != broken && TryTo(member.Replica)) return;
        }
    }

    private bool MayTakeOver(ReplicaId replica) =>
        raft.TransferTarget.IsNone && _damagedUntilMs.GetValueOrDefault(replica) <= shard.NowMs
        && raft.TryGetProgress(replica, out var progress) && progress.State == ProgressState.Replicate
        && raft.Log.LastIndex - progress.Match <= MaxLag;
}

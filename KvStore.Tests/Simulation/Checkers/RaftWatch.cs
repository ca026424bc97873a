using System.IO.Hashing;
using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>
/// Looks at the replicas of all running nodes again and again and compares them with each other and with what they were (Raft paper,
/// figure 3): one leader in a term, one entry at an index, nothing applied that is not committed, nothing that goes back.
/// </summary>
internal sealed class RaftWatch
{
    private readonly Dictionary<(PartitionId, Term), NodeId> _leaders = [];
    private readonly Dictionary<(PartitionId, LogIndex), (Term Term, ulong LogTime)> _applied = [];
    private readonly Dictionary<(PartitionId, LogIndex), (Term Term, ulong Hash)> _payloads = [];
    private readonly Dictionary<(PartitionId, NodeId), Seen> _seen = [];
    private readonly Dictionary<PartitionId, LogIndex> _committed = [];

    private readonly record struct Seen(ulong Boot, Term Term, LogIndex Commit, LogIndex Applied);

    /// <summary>Looks once.</summary>
    /// <returns>What is wrong now; empty in a correct cluster.</returns>
    public IReadOnlyList<string> Look(IEnumerable<KvNode> running)
    {
        var problems = new List<string>();
        var replicas = new Dictionary<PartitionId, List<(KvNode Node, Partition Replica)>>();
        foreach (var node in running)
        {
            foreach (var replica in node.Replicas)
            {
                if (!replicas.TryGetValue(replica.Id, out var list)) replicas.Add(replica.Id, list = []);
                problems.AddRange(LookAt(node, replica).Select(problem => $"partition {replica.Id}, {node.Self}: {problem}"));
                foreach (var (other, peer) in list)
                    if (Difference(replica.Raft, peer.Raft) is { } difference) problems.Add($"partition {replica.Id}, {node.Self} and {other.Self}: {difference}");
                list.Add((node, replica));
            }
        }

        return problems;
    }

    /// <summary>Whether a replica has committed an index, or had when it was looked at last.</summary>
    public bool HasCommitted(IEnumerable<KvNode> running, PartitionId partition, LogIndex index) =>
        index <= _committed.GetValueOrDefault(partition)
        || running.SelectMany(node => node.Replicas).Any(replica => replica.Id == partition && index <= replica.Raft.Commit);

    private IEnumerable<string> LookAt(KvNode node, Partition replica)
    {
        var raft = replica.Raft;
        var before = _seen.GetValueOrDefault((replica.Id, node.Self));
        _committed[replica.Id] = LogIndex.Max(raft.Commit, _committed.GetValueOrDefault(replica.Id));
        _seen[(replica.Id, node.Self)] = new Seen(node.Identity.Boot, raft.Term, raft.Commit, raft.Applied);
        if (before.Boot == node.Identity.Boot)
        {
            if (raft.Term < before.Term) yield return $"its term went back from {before.Term} to {raft.Term}";
            if (raft.Commit < before.Commit) yield return $"its commit index went back from {before.Commit} to {raft.Commit}";
            if (raft.Applied < before.Applied) yield return $"its applied index went back from {before.Applied} to {raft.Applied}";
            if (raft.Applied == before.Applied && raft.Role != RaftRole.Leader) yield break;
        }

        if (raft.Applied > raft.Durable) yield return $"it applied {raft.Applied} and has only {raft.Durable} on its disk";
        if (raft.Applied > raft.Commit) yield return $"it applied {raft.Applied} and has committed {raft.Commit}";
        if (raft.Role == RaftRole.Leader)
        {
            if (replica.Writes.NewestAcknowledged > raft.Durable)
                yield return $"it acknowledged fast writes through {replica.Writes.NewestAcknowledged} and has only {raft.Durable} on its disk";
            if (!_leaders.TryAdd((replica.Id, raft.Term), node.Self) && _leaders[(replica.Id, raft.Term)] is var other && other != node.Self)
                yield return $"it leads term {raft.Term}, and {other} did";
            if (raft.HasCommittedInTerm && raft.Log.TermAt(raft.Commit) != raft.Term)
                yield return $"it leads term {raft.Term} and has committed through {raft.Commit}, of term {raft.Log.TermAt(raft.Commit)}, without an entry of its own";
        }

        if (AppliedProblem(replica) is { } problem) yield return problem;
    }

    /// <summary>The state machine: what was applied last at an index has one term and one log time on all replicas, for ever.</summary>
    private string? AppliedProblem(Partition replica)
    {
        var applied = replica.Store.Applied;
        if (applied.Index == LogIndex.Zero) return null;
        var state = (applied.Term, applied.LogTime);
        if (!_applied.TryAdd((replica.Id, applied.Index), state) && _applied[(replica.Id, applied.Index)] is var known && known != state)
            return $"it applied term {state.Term} (time {state.LogTime}) at index {applied.Index}, where term {known.Term} (time {known.LogTime}) was applied before";
        if (!replica.Log.Contains(applied.Index) || !replica.Log.TryGet(applied.Index, out var payload)) return null;
        var entry = (applied.Term, XxHash3.HashToUInt64(payload));
        if (!_payloads.TryAdd((replica.Id, applied.Index), entry) && _payloads[(replica.Id, applied.Index)] is var other && other != entry)
            return $"it applied at index {applied.Index} another entry of term {entry.Term} than was applied before";
        return null;
    }

    /// <summary>Log matching, where it must hold: at the last index that both have committed.</summary>
    private static string? Difference(RaftNode a, RaftNode b)
    {
        var index = LogIndex.Min(a.Commit, b.Commit);
        if (index < a.Log.SnapshotIndex || index < b.Log.SnapshotIndex || index > a.Log.LastIndex || index > b.Log.LastIndex) return null;
        var (term, other) = (a.Log.TermAt(index), b.Log.TermAt(index));
        return term == other ? null : $"both have committed index {index}, one of term {term}, the other of term {other}";
    }
}

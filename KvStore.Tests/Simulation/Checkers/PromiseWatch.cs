using KvStore.Core.Node;
using KvStore.Core.Primitives;
using KvStore.Core.Raft;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>
/// Listens to what replicas tell each other, and to what primaries acknowledge, and looks after each restart whether they still know it:
/// their term, their vote, and the entries that they said were on their disk. Nobody may say what a power cut could take back.
/// </summary>
internal sealed class PromiseWatch
{
    private readonly Dictionary<(PartitionId, NodeId), Promise> _promises = [];
    private readonly List<string> _contradictions = [];
    private readonly AcknowledgedEntries _acknowledged;

    public PromiseWatch(AcknowledgedEntries acknowledged) => _acknowledged = acknowledged;

    /// <summary>What one replica has said. The entries count only in the term in which they were acknowledged: a later leader may cut them.</summary>
    private sealed class Promise
    {
        public ulong Boot { get; set; }

        public Term Term { get; set; }

        public Term VoteTerm { get; set; }

        public ReplicaId Vote { get; set; }

        public Term EntriesTerm { get; set; }

        public LogIndex Entries { get; set; }

        public void HasEntries(Term term, LogIndex through)
        {
            if (term < EntriesTerm) return;
            Entries = term > EntriesTerm ? through : LogIndex.Max(Entries, through);
            EntriesTerm = term;
        }
    }

    /// <summary>A frame leaves a node.</summary>
    public void OnSent(long nowNs, NodeId from, PeerFrame type, ReadOnlySpan<byte> body)
    {
        if (type != PeerFrame.Raft) return;
        while (RaftBatch.TryTake(ref body, out var partition, out var bytes))
            if (RaftBatch.TryDecode(bytes, out var message, out _)) OnMessage(nowNs, partition, from, message);
    }

    /// <summary>Looks at all running nodes.</summary>
    /// <returns>The promises that were broken since the last look.</returns>
    public IReadOnlyList<string> Look(IEnumerable<KvNode> running)
    {
        List<string> problems = [.. _contradictions];
        _contradictions.Clear();
        foreach (var node in running)
        {
            foreach (var replica in node.Replicas)
            {
                var promise = Of(replica.Id, node.Self);
                if (promise.Boot != node.Identity.Boot)
                {
                    promise.Boot = node.Identity.Boot;
                    problems.AddRange(Broken(promise, replica.Raft).Select(broken => $"partition {replica.Id}, {node.Self} after its start {node.Identity.Boot}: {broken}"));
                }

                if (replica.Raft.Role == RaftRole.Leader) promise.HasEntries(replica.Raft.Term, replica.Writes.NewestAcknowledged);
            }
        }

        return problems;
    }

    private void OnMessage(long nowNs, PartitionId partition, NodeId from, in RaftMessage message)
    {
        var promise = Of(partition, from);
        var isGrantedPreVote = message.Type == RaftMessageType.PreVoteReply && message.Reject == RejectReason.None;
        if (message.Type != RaftMessageType.PreVote && !isGrantedPreVote && message.Term > promise.Term) promise.Term = message.Term;
        switch (message.Type)
        {
            case RaftMessageType.Vote:
                OnVote(partition, from, promise, message.Term, message.From);
                break;
            case RaftMessageType.VoteReply when message.Reject == RejectReason.None:
                OnVote(partition, from, promise, message.Term, message.To);
                break;
            case RaftMessageType.AppendReply when message.Reject == RejectReason.None:
                promise.HasEntries(message.Term, message.Index);
                _acknowledged.Add(partition, from, message.Term, message.Index, nowNs);
                break;
        }
    }

    private void OnVote(PartitionId partition, NodeId node, Promise promise, Term term, ReplicaId candidate)
    {
        if (term == promise.VoteTerm && candidate != promise.Vote)
            _contradictions.Add($"partition {partition}, {node}: voted in term {term} for replica {promise.Vote} and for replica {candidate}");
        if (term < promise.VoteTerm) return;
        promise.VoteTerm = term;
        promise.Vote = candidate;
    }

    private static IEnumerable<string> Broken(Promise promise, RaftNode raft)
    {
        if (raft.Term < promise.Term) yield return $"it told term {promise.Term} and is in term {raft.Term}";
        if (raft.Term == promise.VoteTerm && raft.HardState.Vote != promise.Vote)
            yield return $"it voted for replica {promise.Vote} in term {promise.VoteTerm} and knows of {(raft.HardState.Vote.IsNone ? "no vote" : $"a vote for {raft.HardState.Vote}")}";
        if (raft.Term == promise.EntriesTerm && raft.Log.LastIndex < promise.Entries)
            yield return $"it acknowledged entries through {promise.Entries} in term {promise.EntriesTerm} and has them through {raft.Log.LastIndex}";
    }

    private Promise Of(PartitionId partition, NodeId node)
    {
        if (!_promises.TryGetValue((partition, node), out var promise)) _promises.Add((partition, node), promise = new Promise());
        return promise;
    }
}

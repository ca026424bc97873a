namespace KvStore.Tests.Simulation.Planted;

/// <summary>Mistakes in the consensus core.</summary>
internal static class RaftBugs
{
    private const string Election = "KvStore.Core/Raft/Election.cs";
    private const string Leadership = "KvStore.Core/Raft/Leadership.cs";
    private const string ReplicaLog = "KvStore.Core/Raft/ReplicaLog.cs";

    public static IReadOnlyList<PlantedBug> All { get; } =
    [
        new("vote-before-sync", "a vote is durable before it is sent",
            new PlantedEdit(Election, "outbox.Grant(question, afterDurable: true);", "outbox.Grant(question, afterDurable: false);")),
        new("vote-twice", "one vote in a term",
            new PlantedEdit(Election, "standing.Vote == question.From || (standing.Vote.IsNone && standing.Leader.IsNone)", "true")),
        new("vote-for-anybody", "a leader has everything that is committed",
            new PlantedEdit(
                ReplicaLog, "lastTerm > Entries.LastTerm || (lastTerm == Entries.LastTerm && lastIndex >= Entries.LastIndex)", "true")),
        new("commit-earlier-term", "an entry of an earlier term is committed by one of the own term alone (Raft paper, figure 8)",
            new PlantedEdit(Leadership, "index <= log.Commit || log.Entries.TermAt(index) != standing.Term", "index <= log.Commit")),
        new("leader-counts-unsynced", "the leader counts its own entry when it is durable, and applies it then",
            new PlantedEdit(
                Leadership, "_replicator.MajorityIndex(standing.Configuration, log.Durable)",
                "_replicator.MajorityIndex(standing.Configuration, log.Entries.LastIndex)"),
            new PlantedEdit(ReplicaLog, "LogIndex.Min(Commit, Durable)", "Commit")),
        new("apply-before-commit", "only what is committed is applied",
            new PlantedEdit(ReplicaLog, "LogIndex.Min(Commit, Durable)", "Durable")),
        new("follower-acks-unsynced", "a follower acknowledges what is durable",
            new PlantedEdit(
                "KvStore.Core/Raft/Followership.cs", "standing.AfterTermDurable || log.Matched > log.Durable", "standing.AfterTermDurable")),
        new("forget-truncation", "what contradicts the leader's log is cut",
            new PlantedEdit(ReplicaLog, "if (Entries.TermAt(index) == entries[offset].Term) continue;", "continue;")),
        new("read-unconfirmed", "a quorum read is answered by who still leads",
            new PlantedEdit("KvStore.Core/Raft/ReadRounds.cs", "Asked == 0 || !_answers.IsWon(configuration)", "Asked == 0")),
        new("read-before-term-start", "a new leader reads when it has committed in its term",
            new PlantedEdit(Leadership, "HasCommittedInTerm ? _reads.Join() : null", "_reads.Join()")),
    ];
}

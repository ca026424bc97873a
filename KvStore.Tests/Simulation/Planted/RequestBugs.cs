namespace KvStore.Tests.Simulation.Planted;

/// <summary>Mistakes on the way of a request: routing, reads, the staleness bound.</summary>
internal static class RequestBugs
{
    private const string Heartbeats = "KvStore.Core/Node/Heartbeats.cs";

    public static IReadOnlyList<PlantedBug> All { get; } =
    [
        new("resend-after-break", "a write that may have been taken is not sent again",
            new PlantedEdit(
                "KvStore.Core/Node/Coordinator.cs",
                "if (pending.Request.IsWrite) pending.Request.EndUnknown(KvError.Unavailable, \"the connection to the primary broke before it answered\");\n            else Park(pending.Request);",
                "Park(pending.Request);")),
        new("at-least-unheeded", "a read of at least a revision waits for it",
            new PlantedEdit(
                "KvStore.Core/Node/Coordinator.Requests.cs", "key.AtLeast.IsNone || Reads.HasReached(partition, new LogIndex(key.AtLeast.Index))", "true")),
        new("staleness-by-heartbeat-age", "the bound counts what is applied, not what was heard",
            new PlantedEdit(
                Heartbeats, "status.Staleness.Attest(claim.Term, claim.LastIndex, echoNs, seen.DurableTerm, seen.Applied);",
                "status.Staleness.Confirm(_context.Clock.BootTimeNs);")),
        new("staleness-by-commit", "the bound covers fast writes, which are acknowledged before they are committed",
            new PlantedEdit(
                Heartbeats, "new LeaderClaim(status.Id, seen.Term, seen.LastIndex, seen.Commit)",
                "new LeaderClaim(status.Id, seen.Term, seen.Commit, seen.Commit)")),
        new("expired-is-shown", "a record is absent from its expiry on",
            new PlantedEdit("KvStore.Core/Node/LocalReads.cs", "StateMachine.IsLive(info, ExpiryNowMs(logTime))", "!info.IsTombstone")),
        new("expires-early", "a record is present until its expiry",
            new PlantedEdit("KvStore.Core/Node/LocalReads.cs", "StateMachine.IsLive(info, ExpiryNowMs(logTime))", "StateMachine.IsLive(info, ExpiryNowMs(logTime) + 3_000)")),
        new("quorum-reads-overlay", "a quorum read sees what is committed",
            new PlantedEdit("KvStore.Core/Node/LocalReads.cs", "consistency == ReadConsistency.Local", "true")),
    ];
}

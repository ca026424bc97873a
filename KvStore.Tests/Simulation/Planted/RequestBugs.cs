namespace KvStore.Tests.Simulation.Planted;

/// <summary>Mistakes on the way of a request: routing, reads, the staleness bound.</summary>
internal static class RequestBugs
{
    private const string GatheredGet = "KvStore.Core/Node/GatheredGet.cs";
    private const string Scans = "KvStore.Core/Node/Coordinator.Scans.cs";
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
        new("gathered-by-arrival", "the answers of a get of several keys are in the order of the keys",
            new PlantedEdit(
                GatheredGet,
                """
                _results[requestId] = Interlocked.Add(ref _room, -result.Value.Length) >= 0
                            ? result
                            : result with { Found = false, Error = KvError.TooLarge, Value = "the values of one reply are above 16 MiB together"u8.ToArray() };
                """,
                "_results[_results.Length - _left] = result;")),
        new("gathered-at-least-forgotten", "each key of a get has its own revision that it must not be older than",
            new PlantedEdit(GatheredGet, "GetRequest.Encode(body, view.Consistency, key.Key, key.AtLeast);", "GetRequest.Encode(body, view.Consistency, key.Key);")),
        new("cursor-repeats", "a page begins after the last key of the page before",
            new PlantedEdit(Scans, "start = [.. cursor[CursorHeadSize..], 0];", "start = [.. cursor[CursorHeadSize..]];")),
        new("cursor-skips", "a page leaves out no key after the last one of the page before",
            new PlantedEdit(Scans, "start = [.. cursor[CursorHeadSize..], 0];", "start = ScanRange.Of(scan with { Prefix = cursor[CursorHeadSize..].ToArray(), Start = default }, default).End;")),
    ];
}

using KvStore.Protocol.Messages;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Simulation.Checkers;

/// <summary>Each check on small histories: ones that the contract allows, and ones that it does not.</summary>
[TestFixture]
internal sealed class HistoryCheckTests
{
    private static readonly WriteCondition IfFive = WriteCondition.IfVersion(1, 5);

    private static readonly IHistoryCheck[] All =
        [new LinearizabilityCheck(), new DurabilityCheck(), new ConvergenceCheck(), new VersionOrderCheck(), new OutcomeCheck(), new StalenessCheck(), new AtomicityCheck(), new TimeToLiveCheck(), new PageCheck(), new ReplicaOrderCheck()];

    private static ObservedRead InPage(ObservedRead read) => read with { IsScan = true };

    private static ObservedWrite InBatch(ObservedWrite write) => write with { Batch = "1" };

    private static IEnumerable<TestCaseData> Right()
    {
        yield return Allowed("a write and reads of it", new HandHistory()
            .Write("k", "a", "5", 0, 10).Get("k", "a", "5", 5, 6).Get("k", "a", "5", 20, 30).Local("k", "a", "5", 40, 3)
            .Replica(1, "1.9", ("k", "a", "5")).Replica(2, "1.9", ("k", "a", "5")));
        yield return Allowed("a fast write that a new leader cut", new HandHistory()
            .Fast("k", "a", "5", 0, 10).Local("k", "a", "5", 11, 0).Get("k", null, "", 2_000, 2_010).Write("j", "b", "2.5", 2_020, 2_030)
            .Replica(1, "2.9", ("j", "b", "2.5")));
        yield return Allowed("a local read as old as it says", new HandHistory()
            .Write("k", "a", "5", 0, 10).Write("k", "b", "6", 20, 30).Local("k", "a", "5", 40, 10));
        yield return Allowed("a fast write that was cut, on a replica that does not know it yet", new HandHistory()
            .Fast("k", "a", "1.9", 0, 10).Write("j", "b", "2.6", 20, 30).Local("k", "a", "1.9", 100, 80).Local("k", "a", "1.9", 100, null));
        yield return Allowed("an unknown write that was applied later", new HandHistory()
            .Failed("k", "a", KvError.DeadlineExceeded, Outcome.Unknown, 0, 10).Get("k", null, "", 20, 30).Get("k", "a", "5", 40, 50));
        yield return Allowed("a condition that failed, and one that held", new HandHistory()
            .Write("k", "a", "5", 0, 10).Failed("k", "b", KvError.ConditionFailed, Outcome.NotApplied, 20, 30, WriteCondition.IfAbsent, "5")
            .Write("k", "c", "7", 40, 50, w => w with { Condition = IfFive }).Get("k", "c", "7", 60, 70));
        yield return Allowed("a page that began before a delete", new HandHistory()
            .Write("k", "a", "5", 0, 10).Write("k", null, "6", 20, 30).Local("k", null, "", 40, 5, r => r with { IsScan = true })
            .Replica(1, "1.6", ("k", null, "6")));
        yield return Allowed("a page without what is written later, deleted since, or not known to be committed", new HandHistory()
            .Write("a", "1", "5", 0, 10).Write("b", "2", "7", 0, 30).Write("c", "3", "4", 0, 10).Write("c", null, "8", 0, 40).Fast("d", "4", "1.3", 0, 10)
            .Get("a", "1", "5", 0, 50, InPage).Get("b", null, "", 0, 50, InPage).Get("c", null, "", 0, 50, InPage).Get("d", null, "", 0, 50, InPage));
        yield return Allowed("a page with a fast write that is not applied yet, without a strong one before it", new HandHistory()
            .Write("a", "1", "5", 0, 60).Fast("b", "2", "6", 0, 10).Local("a", null, "", 20, null, InPage).Local("b", "2", "6", 20, null, InPage)
            .Get("b", "2", "6", 70, 80));
        yield return Allowed("a batch that was applied, and one that was not", new HandHistory()
            .Write("a", "1", "5", 0, 10, InBatch).Write("b", "2", "5", 0, 10, InBatch)
            .Failed("a", "3", KvError.Overloaded, Outcome.NotApplied, 20, 30).Get("a", "1", "5", 40, 50).Get("b", "2", "5", 40, 50));
        yield return Allowed("a batch of unknown outcome that took effect, of which a part was replaced", new HandHistory()
            .Failed("a", "1", KvError.DeadlineExceeded, Outcome.Unknown, 0, 10, but: InBatch).Failed("b", "2", KvError.DeadlineExceeded, Outcome.Unknown, 0, 10, but: InBatch)
            .Get("a", "1", "5", 20, 30).Write("b", "3", "6", 40, 50).Replica(1, "1.6", ("a", "1", "5"), ("b", "3", "6")));
        yield return Allowed("pages with a batch, with none of it, and with what is left of it after a delete", new HandHistory()
            .Fast("a", "1", "5", 0, 10, InBatch).Fast("b", "2", "5", 0, 10, InBatch).Write("b", null, "6", 60, 90)
            .Local("a", null, "", 20, null, InPage).Local("b", null, "", 20, null, InPage).Local("a", "1", "5", 30, null, InPage).Local("b", "2", "5", 30, null, InPage)
            .Local("a", "1", "5", 70, null, InPage).Local("b", null, "", 70, null, InPage));
        yield return Allowed("a record that is there before it expires, and may be gone soon after", new HandHistory()
            .Write("k", "a", "5", 0, 10, w => w with { TtlMs = 50 }).Get("k", "a", "5", 40, 60).Get("k", null, "5", 55, 60));
        yield return Allowed("an expired record whose value is gone on one replica", new HandHistory()
            .Write("k", "a", "5", 0, 10, w => w with { TtlMs = 50 }).Get("k", null, "5", 100, 110));
        yield return Allowed("a record that a delete of unknown outcome takes away, which was on its way since before it", new HandHistory()
            .Failed("k", null, KvError.DeadlineExceeded, Outcome.Unknown, 0, 10).Write("k", "a", "5", 20, 30, w => w with { TtlMs = 50 }).Get("k", null, "6", 35, 40));
    }

    private static IEnumerable<TestCaseData> Wrong()
    {
        yield return Forbidden("linearizability", "a stale quorum read", new HandHistory()
            .Write("k", "a", "5", 0, 10).Write("k", "b", "6", 20, 30).Get("k", "a", "5", 40, 50));
        yield return Forbidden("linearizability", "one condition held twice", new HandHistory()
            .Write("k", "a", "5", 0, 10)
            .Write("k", "b", "6", 20, 30, w => w with { Condition = IfFive }).Write("k", "c", "7", 40, 50, w => w with { Condition = IfFive }));
        yield return Forbidden("linearizability", "a committed fast write that a quorum read lacks", new HandHistory()
            .Fast("k", "a", "5", 0, 10).Get("k", null, "", 20, 30).Get("k", "a", "5", 40, 50));
        yield return Forbidden("linearizability", "an end without an acknowledged write", new HandHistory()
            .Write("k", "a", "5", 0, 10).Replica(1, "1.9"));
        yield return Forbidden("durability", "a lost strong write", new HandHistory()
            .Write("k", "a", "5", 0, 10).Replica(1, "2.9", ("k", "a", "5")).Replica(2, "2.9"));
        yield return Forbidden("durability", "a lost delete", new HandHistory()
            .Write("k", "a", "5", 0, 10).Write("k", null, "6", 20, 30).Replica(1, "2.9", ("k", "a", "5")));
        yield return Forbidden("durability", "a fast write lost under one leader", new HandHistory()
            .Fast("k", "a", "5", 0, 10).Replica(1, "1.9"));
        yield return Forbidden("convergence", "different values", new HandHistory()
            .Replica(1, "1.9", ("k", "a", "5")).Replica(2, "1.9", ("k", "b", "5")));
        yield return Forbidden("convergence", "a tombstone on one replica only", new HandHistory()
            .Replica(1, "1.9", ("k", null, "5")).Replica(2, "1.9"));
        yield return Forbidden("convergence", "a replica behind", new HandHistory().Replica(1, "1.9").Replica(2, "1.8"));
        yield return Forbidden("version-order", "a deleted record that comes back", new HandHistory()
            .Write("k", "a", "5", 0, 10, w => w with { TtlMs = 50 }).Write("k", null, "6", 20, 30).Get("k", "a", "5", 40, 50));
        yield return Forbidden("version-order", "a later write put first", new HandHistory()
            .Write("k", "a", "6", 0, 10).Write("j", "b", "5", 20, 30));
        yield return Forbidden("version-order", "two entries at one index", new HandHistory()
            .Write("k", "a", "1.5", 0, 10).Write("j", "b", "2.5", 0, 10));
        yield return Forbidden("version-order", "time that runs back", new HandHistory()
            .Write("k", "a", "5", 0, 10).Write("j", "b", "6", 20, 30, w => w with { Revision = w.Revision with { Ticks = 1 } }));
        yield return Forbidden("outcomes", "a write that was not applied, and read", new HandHistory()
            .Failed("k", "a", KvError.Overloaded, Outcome.NotApplied, 0, 10).Local("k", "a", "5", 20, null));
        yield return Forbidden("outcomes", "a write that was not applied, and there in the end", new HandHistory()
            .Failed("k", "a", KvError.Overloaded, Outcome.NotApplied, 0, 10).Replica(1, "1.9", ("k", "a", "5")));
        yield return Forbidden("outcomes", "an error without an outcome", new HandHistory().Failed("k", "a", KvError.Overloaded, Outcome.None, 0, 10));
        yield return Forbidden("outcomes", "an error of a read with the outcome of a write", new HandHistory().ReadError(KvError.NoQuorum, Outcome.Unknown));
        yield return Forbidden("outcomes", "another revision than was told", new HandHistory().Write("k", "a", "5", 0, 10).Local("k", "a", "6", 20, null));
        yield return Forbidden("outcomes", "a write that took effect twice", new HandHistory()
            .Failed("k", "a", KvError.Unavailable, Outcome.Unknown, 0, 10).Get("k", "a", "5", 20, 30).Get("k", "a", "7", 40, 50));
        yield return Forbidden("outcomes", "an answer for another partition", new HandHistory()
            .Write("k", "a", "5", 0, 10).Get("k", "a", "5", 20, 30, r => r with { NamedPartition = 1 }));
        yield return Forbidden("outcomes", "a value from nowhere", new HandHistory().Get("k", "x", "5", 0, 10));
        yield return Forbidden("outcomes", "a read of the future", new HandHistory().Get("k", "a", "5", 0, 10).Write("k", "a", "5", 20, 30));
        yield return Forbidden("outcomes", "one revision for two writes", new HandHistory().Write("k", "a", "5", 0, 10).Write("k", "b", "5", 0, 10));
        yield return Forbidden("outcomes", "a strong write that one node has", new HandHistory().Write("k", "a", "5", 0, 10, w => w with { AckedBy = [1] }));
        yield return Forbidden("atomicity", "half of a batch", new HandHistory()
            .Write("a", "1", "5", 0, 10, InBatch).Failed("b", "2", KvError.Overloaded, Outcome.NotApplied, 0, 10, but: InBatch));
        yield return Forbidden("atomicity", "a batch in two places", new HandHistory().Write("a", "1", "5", 0, 10, InBatch).Write("b", "2", "6", 0, 10, InBatch));
        yield return Forbidden("atomicity", "a page with a write, without one before it", new HandHistory()
            .Write("a", "1", "5", 0, 10).Write("b", "2", "7", 0, 10).Get("a", null, "", 0, 50, InPage).Get("b", "2", "7", 0, 50, InPage));
        yield return Forbidden("atomicity", "a page with a write, and another's older value", new HandHistory()
            .Write("a", "1", "5", 0, 10).Write("a", "2", "6", 0, 10).Write("b", "3", "7", 0, 10).Get("a", "1", "5", 0, 50, InPage).Get("b", "3", "7", 0, 50, InPage));
        yield return Forbidden("atomicity", "a batch of unknown outcome of which a part is there in the end", new HandHistory()
            .Failed("a", "1", KvError.DeadlineExceeded, Outcome.Unknown, 0, 10, but: InBatch).Failed("b", "2", KvError.DeadlineExceeded, Outcome.Unknown, 0, 10, but: InBatch)
            .Replica(1, "1.5", ("a", "1", "5")));
        yield return Forbidden("atomicity", "a batch of unknown outcome of which a part was read, and the other never came", new HandHistory()
            .Write("b", "0", "4", 0, 5)
            .Failed("a", "1", KvError.DeadlineExceeded, Outcome.Unknown, 10, 20, but: InBatch).Failed("b", "2", KvError.DeadlineExceeded, Outcome.Unknown, 10, 20, but: InBatch)
            .Get("a", "1", "5", 30, 40).Write("a", "3", "6", 50, 60).Replica(1, "1.6", ("a", "3", "6"), ("b", "0", "4")));
        yield return Forbidden("atomicity", "a batch of unknown outcome with two revisions", new HandHistory()
            .Failed("a", "1", KvError.DeadlineExceeded, Outcome.Unknown, 0, 10, but: InBatch).Failed("b", "2", KvError.DeadlineExceeded, Outcome.Unknown, 0, 10, but: InBatch)
            .Replica(1, "1.6", ("a", "1", "5"), ("b", "2", "6")));
        yield return Forbidden("atomicity", "a page with a part of a fast batch", new HandHistory()
            .Fast("a", "1", "5", 0, 10, InBatch).Fast("b", "2", "5", 0, 10, InBatch).Local("a", "1", "5", 20, null, InPage).Local("b", null, "", 20, null, InPage));
        yield return Forbidden("time-to-live", "a record that outlives its time", new HandHistory()
            .Write("k", "a", "5", 0, 10, w => w with { TtlMs = 50 }).Get("k", "a", "5", 70, 80));
        yield return Forbidden("time-to-live", "a record that is gone before its time", new HandHistory()
            .Write("k", "a", "5", 0, 10, w => w with { TtlMs = 50 }).Get("k", null, "5", 20, 30));
        yield return Forbidden("time-to-live", "a record that is gone before its time, though nothing of the key was unknown or under way", new HandHistory()
            .Write("k", null, "4", 0, 5).Failed("k", null, KvError.Overloaded, Outcome.NotApplied, 0, 5)
            .Write("k", "a", "5", 10, 20, w => w with { TtlMs = 50 }).Get("k", null, "5", 25, 30).Failed("k", null, KvError.DeadlineExceeded, Outcome.Unknown, 40, 50));
        yield return Forbidden("staleness", "older than its bound", new HandHistory()
            .Write("k", "a", "5", 0, 10).Write("k", "b", "6", 20, 30).Local("k", "a", "5", 40, 9));
        yield return Forbidden("staleness", "absent, beyond its bound", new HandHistory().Write("k", "a", "5", 0, 10).Local("k", null, "", 40, 9));
        yield return Forbidden("staleness", "not in the page, beyond its bound", new HandHistory()
            .Write("k", "a", "5", 0, 10).Local("k", null, "", 40, 9, r => r with { IsScan = true }));
        yield return Forbidden("staleness", "a committed fast write that is not in it", new HandHistory()
            .Fast("k", "a", "5", 0, 10).Local("k", null, "", 40, 9).Replica(1, "1.9", ("k", "a", "5")));
        yield return Forbidden("staleness", "the leftover of a cut log in the place of a write", new HandHistory()
            .Fast("k", "a", "1.9", 0, 10).Write("k", "b", "2.6", 20, 30).Local("k", "a", "1.9", 100, 9));
        yield return Forbidden("staleness", "a fast write that had been cut", new HandHistory()
            .Fast("k", "a", "1.9", 0, 10).Write("j", "b", "2.6", 20, 30).Local("k", "a", "1.9", 100, 9));
        yield return Forbidden("staleness", "older than was asked", new HandHistory()
            .Write("k", "a", "5", 0, 10).Write("k", "b", "6", 20, 30).Local("k", "a", "5", 31, null, r => r with { AtLeast = HandHistory.Revision("6") }));
    }

    private static IEnumerable<TestCaseData> RightOrder()
    {
        yield return Allowed("two pages", new HandHistory().Page("k", "", 2, "k1", "k10").Page("k", "k10", 2, "k2").Page("k", "k2", 2));
        yield return Allowed("reads of one replica that overlap", new HandHistory()
            .Write("k", "a", "5", 0, 10).Write("k", "b", "6", 15, 50).Local("k", "b", "6", 20, null, r => Until(r, 30)).Local("k", "a", "5", 25, null, r => Until(r, 35)));
        yield return Allowed("reads of two replicas", new HandHistory()
            .Write("k", "a", "5", 0, 10).Write("k", "b", "6", 15, 50).Local("k", "b", "6", 20, null).Local("k", "a", "5", 25, null, r => r with { ServedBy = 2 }));
        yield return Allowed("a replica that has started again, from what its disk had", new HandHistory().Started(1, 0).Started(2, 22).Started(1, 22)
            .Write("k", "a", "5", 0, 10).Write("k", "b", "6", 15, 50).Local("k", "b", "6", 20, null).Local("k", "a", "5", 25, null));
        yield return Allowed("a read under way while its replica started again", new HandHistory().Started(1, 0).Started(1, 24)
            .Write("k", "a", "5", 0, 10).Write("k", "b", "6", 15, 50).Local("k", "b", "6", 20, null).Local("k", "a", "5", 22, null, r => Until(r, 26)));
        yield return Allowed("a fast write that was cut, and a fast one before it that was kept", new HandHistory()
            .Write("k", "a", "1.4", 0, 5).Fast("k", "b", "1.5", 6, 10).Fast("k", "c", "1.6", 11, 15).Write("j", "d", "2.6", 20, 30)
            .Local("k", "c", "1.6", 16, null).Local("k", "b", "1.5", 40, null));
        yield return Allowed("a page without a key that is deleted", new HandHistory()
            .Write("k", "a", "5", 0, 10).Write("k", null, "6", 20, 50).Local("k", "a", "5", 15, null).Local("k", null, "", 25, null, InPage));
    }

    private static IEnumerable<TestCaseData> WrongOrder()
    {
        yield return Forbidden("pages", "more than was asked for", new HandHistory().Page("k", "", 1, "k1", "k2"));
        yield return Forbidden("pages", "the last key of the page before", new HandHistory().Page("k", "k1", 5, "k1", "k2"));
        yield return Forbidden("pages", "keys out of order", new HandHistory().Page("k", "", 5, "k2", "k1"));
        yield return Forbidden("pages", "a key with another prefix", new HandHistory().Page("k", "", 5, "k1", "l1"));
        yield return Forbidden("replica-order", "an older value", new HandHistory().Started(1, 0).Started(2, 22)
            .Write("k", "a", "5", 0, 10).Write("k", "b", "6", 15, 50).Local("k", "b", "6", 20, null).Local("k", "a", "5", 25, null));
        yield return Forbidden("replica-order", "absent, without a tombstone", new HandHistory()
            .Write("k", "a", "5", 0, 50).Local("k", "a", "5", 20, null).Local("k", null, "", 25, null));
        yield return Forbidden("replica-order", "an older value in a page", new HandHistory()
            .Write("k", "a", "5", 0, 10).Write("k", "b", "6", 15, 50).Local("k", "b", "6", 20, null).Local("k", "a", "5", 25, null, InPage));
        yield return Forbidden("replica-order", "a strong write of unknown outcome that is gone again", new HandHistory()
            .Write("k", "a", "5", 0, 10).Failed("k", "b", KvError.DeadlineExceeded, Outcome.Unknown, 15, 50).Local("k", "b", "6", 20, null).Local("k", "a", "5", 25, null));
        yield return Forbidden("replica-order", "a fast write that is gone, although what its primary put after it was committed", new HandHistory()
            .Write("k", "a", "5", 0, 10).Fast("k", "b", "6", 11, 15).Write("j", "c", "7", 16, 50).Local("k", "b", "6", 20, null).Local("k", "a", "5", 25, null));
    }

    private static ObservedRead Until(ObservedRead read, long ms) => read with { CompletedNs = ms * 1_000_000 };

    [TestCaseSource(nameof(Right))]
    [TestCaseSource(nameof(RightOrder))]
    public void What_is_promised_is_no_violation(HandHistory history) =>
        All.SelectMany(check => check.Check(history.Build()).Select(text => $"{check.Name}: {text}")).ShouldBeEmpty();

    [TestCaseSource(nameof(Wrong))]
    [TestCaseSource(nameof(WrongOrder))]
    public void What_is_not_allowed_is_found(string check, HandHistory history) =>
        All.Single(c => c.Name == check).Check(history.Build()).ShouldNotBeEmpty();

    [Test]
    public void Fast_writes_that_were_cut_are_counted()
    {
        var history = new HandHistory()
            .Fast("h", "x", "1.3", 0, 10).Fast("i", "y", "1.4", 0, 10) // replaced; kept
            .Fast("k", "a", "1.5", 0, 10).Fast("j", "b", "1.6", 0, 10) // cut: replaced since; gone
            .Write("k", "c", "2.5", 20, 30).Write("h", "d", "2.6", 20, 30)
            .Replica(1, "2.7", ("h", "d", "2.6"), ("i", "y", "1.4"), ("k", "c", "2.5")).Replica(2, "2.7", ("h", "d", "2.6"), ("i", "y", "1.4"), ("k", "c", "2.5"));
        DurabilityCheck.CountCutFastWrites(history.Build()).ShouldBe(2);
    }

    private static TestCaseData Allowed(string name, HandHistory history) => new TestCaseData(history).SetArgDisplayNames(name);

    private static TestCaseData Forbidden(string check, string name, HandHistory history) => new TestCaseData(check, history).SetArgDisplayNames(check, name);
}

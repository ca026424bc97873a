using KvStore.Protocol.Client;
using KvStore.Protocol.Messages;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Protocol.Client;

/// <summary>The rule about second attempts, case by case.</summary>
public sealed class RetryPolicyTests
{
    [TestCase(KvError.NotLeader, Outcome.NotApplied, true, true)]
    [TestCase(KvError.Overloaded, Outcome.NotApplied, true, true)]
    [TestCase(KvError.ShuttingDown, Outcome.NotApplied, true, true)]
    [TestCase(KvError.NoQuorum, Outcome.NotApplied, true, true)]
    [TestCase(KvError.NoQuorum, Outcome.NotApplied, false, false)]
    [TestCase(KvError.NoQuorum, Outcome.Unknown, true, false)]
    [TestCase(KvError.NotLeader, Outcome.Unknown, true, false)]
    [TestCase(KvError.NotLeader, Outcome.None, true, false)]
    [TestCase(KvError.DiskFull, Outcome.NotApplied, true, false)]
    [TestCase(KvError.ConditionFailed, Outcome.NotApplied, false, false)]
    [TestCase(KvError.DeadlineExceeded, Outcome.NotApplied, true, false)]
    public void A_refused_write(KvError code, Outcome outcome, bool retryable, bool again)
    {
        var policy = new RetryPolicy(isWrite: true);
        var reply = Reply<int>.Refused(new ErrorReply { Code = code, Message = "", Outcome = outcome, Retryable = retryable });
        policy.MayRetry(reply, out _).ShouldBe(again);
        policy.OutcomeOf(reply).ShouldBe(outcome == Outcome.NotApplied ? Outcome.NotApplied : Outcome.Unknown);
    }

    [TestCase(KvError.ConnectionLost, true, false, Outcome.Unknown)]
    [TestCase(KvError.ConnectionLost, false, true, Outcome.NotApplied)]
    [TestCase(KvError.Unreachable, false, true, Outcome.NotApplied)]
    [TestCase(KvError.Overloaded, false, true, Outcome.NotApplied)]
    [TestCase(KvError.WrongCluster, false, false, Outcome.NotApplied)]
    [TestCase(KvError.DeadlineExceeded, true, false, Outcome.Unknown)]
    [TestCase(KvError.Cancelled, true, false, Outcome.Unknown)]
    [TestCase(KvError.ProtocolViolation, true, false, Outcome.Unknown)]
    public void A_write_without_a_reply(KvError failure, bool sent, bool again, Outcome outcome)
    {
        var policy = new RetryPolicy(isWrite: true);
        var reply = Reply<int>.Failed(failure, "", sent);
        policy.MayRetry(reply, out _).ShouldBe(again);
        policy.OutcomeOf(reply).ShouldBe(outcome);
    }

    [Test]
    public void A_read_may_always_be_asked_again_and_has_no_outcome()
    {
        var policy = new RetryPolicy(isWrite: false);
        var reply = Reply<int>.Failed(KvError.ConnectionLost, "", sent: true);
        policy.MayRetry(reply, out _).ShouldBeTrue();
        policy.OutcomeOf(reply).ShouldBe(Outcome.None);
    }

    [Test]
    public void Pauses_grow_and_are_bounded()
    {
        var policy = new RetryPolicy(isWrite: true);
        var reply = Reply<int>.Refused(new ErrorReply { Code = KvError.Overloaded, Message = "", Outcome = Outcome.NotApplied, Retryable = true });
        var pauses = Enumerable.Range(0, 20).Select(_ => policy.MayRetry(reply, out var pauseMs) ? pauseMs : -1).ToArray();
        pauses[0].ShouldBeInRange(2, 4);
        pauses[^1].ShouldBeInRange(100, 200);
        policy.Attempts.ShouldBe(20);
    }
}

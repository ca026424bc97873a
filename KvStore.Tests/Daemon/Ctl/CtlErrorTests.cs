using KvStore.Daemon.Ctl;
using KvStore.Protocol.Client;
using KvStore.Protocol.Messages;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Daemon.Ctl;

/// <summary>The exit status of every kind of failure.</summary>
public sealed class CtlErrorTests
{
    [TestCase(KvError.NoQuorum, Outcome.NotApplied, 5)]
    [TestCase(KvError.DeadlineExceeded, Outcome.NotApplied, 5)]
    [TestCase(KvError.Internal, Outcome.NotApplied, 5)]
    [TestCase(KvError.NotInitialized, Outcome.NotApplied, 5)]
    [TestCase(KvError.TooLarge, Outcome.NotApplied, 5)]
    [TestCase(KvError.NoQuorum, Outcome.Unknown, 6)]
    [TestCase(KvError.ConnectionLost, Outcome.Unknown, 6)]
    [TestCase(KvError.ConditionFailed, Outcome.Unknown, 6)]
    [TestCase(KvError.Unreachable, Outcome.Unknown, 6)]
    [TestCase(KvError.ConditionFailed, Outcome.NotApplied, 4)]
    [TestCase(KvError.Unreachable, Outcome.NotApplied, 8)]
    [TestCase(KvError.Unreachable, Outcome.None, 8)]
    [TestCase(KvError.Unauthorized, Outcome.NotApplied, 7)]
    [TestCase(KvError.Cancelled, Outcome.Unknown, 130)]
    [TestCase(KvError.Cancelled, Outcome.NotApplied, 130)]
    [TestCase(KvError.NoQuorum, Outcome.None, 5)]
    [TestCase(KvError.Unavailable, Outcome.None, 5)]
    [TestCase(KvError.NotFound, Outcome.None, 3)]
    [TestCase(KvError.ConnectionLost, Outcome.None, 1)]
    [TestCase(KvError.Internal, Outcome.None, 1)]
    [TestCase(KvError.ProtocolViolation, Outcome.None, 1)]
    public void Exit_status(KvError code, Outcome outcome, int status) => new CtlError(code, "", outcome).ExitCode.ShouldBe(status);

    [Test]
    public void Several_results_give_their_common_status_or_partial()
    {
        ExitCode.Combine(null, 3).ShouldBe(3);
        ExitCode.Combine(3, 3).ShouldBe(3);
        ExitCode.Combine(0, 3).ShouldBe(10);
        ExitCode.Combine(10, 10).ShouldBe(10);
        ExitCode.Combine(10, 0).ShouldBe(10);
    }

    [Test]
    public void An_unknown_outcome_comes_with_the_advice_to_look_before_repeating() =>
        CtlError.Of(new KvException(KvError.ConnectionLost, "m", Outcome.Unknown)).Advice.ShouldContain("get --quorum");

    [Test]
    public void The_server_s_advice_goes_first() =>
        CtlError.Of(new KvException(KvError.NoQuorum, "m", Outcome.NotApplied) { Advice = "wait" }).Advice.ShouldBe("wait");
}

using System.Text;
using KvStore.Protocol.Client;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Protocol.Client;

/// <summary>What the client says of a failed request, and what it never does: send a write again that may have been applied.</summary>
public sealed class ClientOutcomeTests
{
    private static readonly byte[] Key = "k"u8.ToArray();
    private static readonly byte[] Value = "v"u8.ToArray();

    [Test]
    public async Task A_write_whose_connection_broke_is_unknown_and_not_sent_again()
    {
        var nodes = StubNode.Cluster(3, 16, (_, request) => request.Connection.Close());
        await using var client = await Connect(nodes);
        var failure = await Failure(client.PutAsync(Key, Value));
        failure.Outcome.ShouldBe(Outcome.Unknown);
        failure.Code.ShouldBe(KvError.ConnectionLost);
        nodes.Sum(node => node.Requests.Count).ShouldBe(1);
        await Stop(nodes);
    }

    [Test]
    public async Task A_read_whose_connection_broke_is_asked_again_elsewhere()
    {
        var asked = 0;
        var nodes = StubNode.Cluster(3, 16, (node, request) =>
        {
            if (Interlocked.Increment(ref asked) == 1) request.Connection.Close();
            else request.Found(Value, node.Node);
        });
        await using var client = await Connect(nodes);
        (await client.GetAsync(Key)).Value.ToArray().ShouldBe(Value);
        nodes.Count(node => node.Requests.Count == 1).ShouldBe(2);
        await Stop(nodes);
    }

    [Test]
    public async Task A_refused_write_follows_the_hint_to_the_primary()
    {
        var nodes = StubNode.Cluster(3, 16, (node, request) =>
        {
            if (node.Node == 3) request.Applied(3, partition: KeyPartition.Of(Key, 16));
            else request.Refuse(KvError.NotLeader, leader: 3, partition: KeyPartition.Of(Key, 16));
        });
        await using var client = await Connect(nodes);
        for (var i = 0; i < 3; i++) (await client.PutAsync(Key, Value)).Primary.ShouldBe((ushort)3);
        nodes[2].Requests.Count.ShouldBe(3);
        nodes.Sum(node => node.Requests.Count).ShouldBeLessThanOrEqualTo(4, "after the first time the client knows the primary");
        await Stop(nodes);
    }

    [Test]
    public async Task A_refusal_with_an_unknown_outcome_is_not_followed_by_another_attempt()
    {
        var nodes = StubNode.Cluster(3, 16, (_, request) => request.Refuse(KvError.NotLeader, Outcome.Unknown));
        await using var client = await Connect(nodes);
        (await Failure(client.PutAsync(Key, Value))).Outcome.ShouldBe(Outcome.Unknown);
        nodes.Sum(node => node.Requests.Count).ShouldBe(1);
        await Stop(nodes);
    }

    [Test]
    public async Task A_missing_quorum_is_believed_after_two_more_opinions()
    {
        var nodes = StubNode.Cluster(3, 16, (_, request) => request.Refuse(KvError.NoQuorum));
        await using var client = await Connect(nodes);
        var failure = await Failure(client.PutAsync(Key, Value, WriteOptions.Strong));
        (failure.Code, failure.Outcome).ShouldBe((KvError.NoQuorum, Outcome.NotApplied));
        nodes.Sum(node => node.Requests.Count).ShouldBe(3);
        await Stop(nodes);
    }

    [Test]
    public async Task Refusals_until_the_deadline_leave_the_write_not_applied()
    {
        var nodes = StubNode.Cluster(3, 16, (_, request) => request.Refuse(KvError.Overloaded));
        await using var client = await Connect(nodes);
        var failure = await Failure(client.PutAsync(Key, Value, new WriteOptions(Timeout: TimeSpan.FromMilliseconds(300))));
        // On a machine so busy that the last refusal comes after the deadline, that attempt is unknown, and so is the write.
        (failure.Code, failure.Outcome).ShouldBeOneOf((KvError.Overloaded, Outcome.NotApplied), (KvError.DeadlineExceeded, Outcome.Unknown));
        nodes.Sum(node => node.Requests.Count).ShouldBeGreaterThan(2);
        await Stop(nodes);
    }

    [Test]
    public async Task A_failed_condition_is_reported_with_the_revision_at_once()
    {
        var current = new WireRevision(1, 2, 3, 4);
        var nodes = StubNode.Cluster(3, 16, (_, request) => request.Reply(FrameType.Error, new ErrorReply
        {
            Code = KvError.ConditionFailed,
            Message = "another version",
            Outcome = Outcome.NotApplied,
            CurrentRevision = current,
        }.Encode));
        await using var client = await Connect(nodes);
        var failure = await Failure(client.PutAsync(Key, Value, new WriteOptions(WriteMode.Strong, Condition: WriteCondition.IfAbsent)));
        (failure.Code, failure.CurrentRevision, failure.Outcome).ShouldBe((KvError.ConditionFailed, current, Outcome.NotApplied));
        nodes.Sum(node => node.Requests.Count).ShouldBe(1);
        await Stop(nodes);
    }

    [Test]
    public async Task A_silent_server_leaves_the_write_unknown_at_its_deadline()
    {
        var nodes = StubNode.Cluster(3, 16, (_, _) => { });
        await using var client = await Connect(nodes);
        var failure = await Failure(client.PutAsync(Key, Value, new WriteOptions(Timeout: TimeSpan.FromMilliseconds(200))));
        (failure.Code, failure.Outcome).ShouldBe((KvError.DeadlineExceeded, Outcome.Unknown));
        var request = nodes.SelectMany(node => node.Requests).ShouldHaveSingleItem();
        request.DeadlineMs.ShouldBeInRange(1u, 200u);
        await Stop(nodes);
    }

    [Test]
    public async Task A_caller_who_gives_up_is_told_the_outcome()
    {
        var nodes = StubNode.Cluster(3, 16, (_, _) => { });
        await using var client = await Connect(nodes);
        using var early = new CancellationTokenSource();
        await early.CancelAsync();
        var before = await Failure(client.PutAsync(Key, Value, cancellation: early.Token));
        (before.Code, before.Outcome).ShouldBe((KvError.Cancelled, Outcome.NotApplied));
        nodes.Sum(node => node.Requests.Count).ShouldBe(0);

        using var late = new CancellationTokenSource();
        var put = client.PutAsync(Key, Value, cancellation: late.Token).AsTask();
        await Wait.Until(() => nodes.Any(node => !node.Requests.IsEmpty), "the request arrived");
        await late.CancelAsync();
        var after = await Should.ThrowAsync<KvException>(put);
        (after.Code, after.Outcome).ShouldBe((KvError.Cancelled, Outcome.Unknown));
        await Stop(nodes);
    }

    [Test]
    public async Task With_every_node_gone_nothing_is_sent()
    {
        var nodes = StubNode.Cluster(3, 16, (node, request) => request.Applied(node.Node));
        await using var client = await Connect(nodes);
        await client.PutAsync(Key, Value);
        foreach (var node in nodes) node.Kill();
        await Wait.Until(() => !client.HasOpenConnection, "the client noticed");
        var failure = await Failure(client.PutAsync(Key, Value, new WriteOptions(Timeout: TimeSpan.FromMilliseconds(200))));
        (failure.Code, failure.Outcome).ShouldBe((KvError.Unreachable, Outcome.NotApplied));
        var reached = await Should.ThrowAsync<KvException>(Connect(nodes));
        reached.Code.ShouldBe(KvError.Unreachable);
        await Stop(nodes);
    }

    [Test]
    public async Task A_reply_that_breaks_the_protocol_ends_the_connection_and_the_write_is_unknown()
    {
        var nodes = StubNode.Cluster(3, 16, (_, request) => request.Reply(FrameType.WriteReply, output => output.Advance(0)));
        await using var client = await Connect(nodes, options => options with { CoordinatorOnly = true });
        var failure = await Failure(client.PutAsync(Key, Value));
        (failure.Code, failure.Outcome).ShouldBe((KvError.ProtocolViolation, Outcome.Unknown));
        await Wait.Until(() => !client.HasOpenConnection, "the connection was closed");
        await Stop(nodes);
    }

    [Test]
    public async Task Answers_that_are_missing_do_not_pass_for_absent_keys()
    {
        var nodes = StubNode.Cluster(3, 16, (node, request) =>
        {
            if (request.Type == FrameType.Write) request.Applied(node.Node);
            else request.Found(Value, node.Node);
        });
        await using var client = await Connect(nodes);
        var read = await client.GetManyAsync(["{a}1"u8.ToArray(), "{a}2"u8.ToArray()]);
        read.ShouldAllBe(result => result.Error == KvError.ProtocolViolation);
        WriteOperation[] batch = [new(WriteKind.Put, "{a}1"u8.ToArray()), new(WriteKind.Delete, "{a}2"u8.ToArray())];
        (await Failure(client.BatchAsync(batch))).Outcome.ShouldBe(Outcome.Unknown);
        await Stop(nodes);
    }

    [Test]
    public async Task Garbage_instead_of_frames_ends_the_connection()
    {
        var nodes = StubNode.Cluster(3, 16, (_, request) => request.Connection.SendRaw(Encoding.ASCII.GetBytes("HTTP/1.1 400 Bad Request\r\n\r\n")));
        await using var client = await Connect(nodes);
        var failure = await Failure(client.PutAsync(Key, Value));
        (failure.Code, failure.Outcome).ShouldBe((KvError.ConnectionLost, Outcome.Unknown));
        failure.Message.ShouldContain("broke the protocol");
        await Stop(nodes);
    }

    [Test]
    public async Task What_is_over_a_limit_is_refused_without_being_sent()
    {
        var nodes = StubNode.Cluster(3, 16, (node, request) => request.Applied(node.Node));
        await using var client = await Connect(nodes);
        (await Failure(client.PutAsync(new byte[4097], Value))).Code.ShouldBe(KvError.TooLarge);
        (await Failure(client.PutAsync(Key, new byte[Limits.ValueBytes + 1]))).Outcome.ShouldBe(Outcome.NotApplied);
        (await Failure(client.PutAsync(default, Value))).Code.ShouldBe(KvError.InvalidRequest);
        (await Failure(client.PutAsync(Key, Value, new WriteOptions(WriteMode.Strong, RequestId: new byte[65])))).Code.ShouldBe(KvError.TooLarge);
        nodes.Sum(node => node.Requests.Count).ShouldBe(0);
        (await client.PutAsync(Key, new byte[Limits.ValueBytes])).Outcome.ShouldBe(Outcome.Applied);
        await Stop(nodes);
    }

    internal static Task<KvClient> Connect(StubNode[] nodes, Func<KvClientOptions, KvClientOptions>? change = null)
    {
        var options = new KvClientOptions { Endpoints = [.. nodes.Select(node => node.Address)], Timeout = TimeSpan.FromSeconds(20) };
        return KvClient.ConnectAsync(change is null ? options : change(options));
    }

    internal static async Task<KvException> Failure<T>(ValueTask<T> task) => await Should.ThrowAsync<KvException>(task.AsTask());

    internal static async Task Stop(StubNode[] nodes)
    {
        foreach (var node in nodes) await node.DisposeAsync();
    }
}

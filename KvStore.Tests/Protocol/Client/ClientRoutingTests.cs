using System.Collections.Concurrent;
using System.Text;
using KvStore.Protocol.Client;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using NUnit.Framework;
using Shouldly;
using static KvStore.Tests.Protocol.Client.ClientOutcomeTests;

namespace KvStore.Tests.Protocol.Client;

/// <summary>Where requests go, and how connections come and go under them.</summary>
public sealed class ClientRoutingTests
{
    private const int Partitions = 16;

    [Test]
    public async Task Writes_go_to_the_primary_of_their_partition()
    {
        var nodes = StubNode.Cluster(3, Partitions, (node, request) =>
            request.Applied(node.Node, partition: KeyPartition.Of(WriteRequestView.Decode(request.Body).First.Key, Partitions)));
        await using var client = await Connect(nodes);
        for (var i = 0; i < 100; i++)
        {
            var key = Encoding.UTF8.GetBytes($"key-{i}");
            (await client.PutAsync(key, key)).Primary.ShouldBe(nodes[KeyPartition.Of(key, Partitions) % 3].Node);
        }

        await Stop(nodes);
    }

    [Test]
    public async Task Local_reads_are_spread_over_the_replicas()
    {
        var nodes = StubNode.Cluster(3, Partitions, (node, request) => request.Found([1], node.Node));
        // Without Pongs no node is nearer than another.
        foreach (var node in nodes) node.Mute = true;
        await using var client = await Connect(nodes);
        for (var i = 0; i < 100; i++) await client.GetAsync(Encoding.UTF8.GetBytes($"key-{i}"));
        nodes.ShouldAllBe(node => node.Requests.Count > 10);
        await Stop(nodes);
    }

    [Test]
    public async Task Coordinator_only_sends_everything_to_the_first_endpoint()
    {
        var nodes = StubNode.Cluster(3, Partitions, (node, request) => request.Applied(node.Node));
        await using var client = await Connect(nodes, options => options with { CoordinatorOnly = true });
        client.KnownTopology.ShouldBeNull();
        for (var i = 0; i < 20; i++) await client.PutAsync(Encoding.UTF8.GetBytes($"key-{i}"), default);
        nodes.Select(node => node.Requests.Count).ShouldBe([20, 0, 0]);
        nodes.Sum(node => node.Connections).ShouldBe(1);
        await Stop(nodes);
    }

    [Test]
    public async Task Coordinator_only_keeps_to_the_endpoint_that_answered()
    {
        using var silent = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        silent.Start(); // connects, but nobody answers the Hello
        var nodes = StubNode.Cluster(3, Partitions, (node, request) => request.Applied(node.Node));
        await using var client = await Connect(nodes, options => options with
        {
            CoordinatorOnly = true,
            ConnectTimeout = TimeSpan.FromMilliseconds(500),
            Endpoints = [silent.LocalEndpoint.ToString()!, .. options.Endpoints],
        });
        var start = System.Diagnostics.Stopwatch.StartNew();
        while (start.ElapsedMilliseconds < 200) await client.PutAsync("k"u8.ToArray(), default); // longer than the first endpoint is left alone
        silent.AcceptTcpClient().Dispose();
        silent.Pending().ShouldBeFalse();
        await Stop(nodes);
    }

    [Test]
    public async Task A_dead_node_is_left_alone_and_used_again_when_it_is_back()
    {
        var nodes = StubNode.Cluster(3, Partitions, (node, request) => request.Found([1], node.Node));
        await using var client = await Connect(nodes);
        var keys = Enumerable.Range(0, 60).Select(i => Encoding.UTF8.GetBytes($"key-{i}")).ToArray();
        foreach (var key in keys) await client.GetAsync(key);
        nodes[1].Kill();
        foreach (var key in keys) (await client.GetAsync(key)).ServedBy.ShouldNotBe((ushort)2);
        nodes[1].Restart();
        await Wait.Until(() => keys.Any(key => client.GetAsync(key).AsTask().GetAwaiter().GetResult().ServedBy == 2), "node 2 serves again");
        await Stop(nodes);
    }

    [Test]
    public async Task A_new_topology_is_fetched_when_the_old_one_fails()
    {
        var nodes = StubNode.Cluster(4, Partitions, (node, request) => request.Applied(node.Node));
        var old = StubNode.TopologyOf(nodes[..3], Partitions);
        foreach (var node in nodes) node.Topology = old;
        await using var client = await Connect(nodes[..2]);
        foreach (var node in nodes) node.Topology = StubNode.TopologyOf([nodes[0], nodes[1], nodes[3]], Partitions, version: 2);
        nodes[2].Kill();
        var seed = 0;
        await Wait.Until(() => client.PutAsync(Encoding.UTF8.GetBytes($"key-{seed++}"), default).AsTask().GetAwaiter().GetResult().Primary == 4, "node 4 is written to");
        client.KnownTopology!.Version.ShouldBe(2UL);
        await Stop(nodes);
    }

    [Test]
    public async Task A_session_sends_the_newest_revision_it_has_seen_of_the_partition()
    {
        var written = new WireRevision(3, 50, 9, 1);
        var key = "user/42"u8.ToArray();
        var partition = KeyPartition.Of(key, Partitions);
        var nodes = StubNode.Cluster(3, Partitions, (node, request) =>
        {
            if (request.Type == FrameType.Write) request.Applied(node.Node, written, partition);
            else request.Found([1], node.Node, written with { Index = 60 }, partition);
        });
        await using (var client = await Connect(nodes))
        {
            await client.GetManyAsync([key]);
            await client.PutAsync(key, default);
            await client.GetAsync("{user/42}other"u8.ToArray());
            await client.GetAsync(key, new ReadOptions(AtLeast: new WireRevision(1, 1, 1, 1)));
            await client.GetAsync(key, ReadOptions.Quorum);
        }

        var sent = nodes.SelectMany(node => node.Requests).Where(request => request.Type == FrameType.Get).ToDictionary(
            request => request.Id + ((ulong)request.Connection.GetHashCode() << 32), request => GetRequestView.Decode(request.Body).First.AtLeast).Values;
        sent.Order(Comparer<WireRevision>.Create((a, b) => a.Index.CompareTo(b.Index)))
            .ShouldBe([WireRevision.None, WireRevision.None, new WireRevision(1, 1, 1, 1), written with { Index = 60 }]);
        await Stop(nodes);
    }

    [Test]
    public async Task Many_keys_are_read_in_order_from_their_nodes_and_fail_one_by_one()
    {
        var nodes = StubNode.Cluster(3, Partitions, (node, request) =>
        {
            var results = new List<ReadResult>();
            foreach (var key in GetRequestView.Decode(request.Body))
                results.Add(new ReadResult { Found = true, Value = key.Key.ToArray(), ServedBy = node.Node, Achieved = ReadConsistency.Quorum });
            if (node.Node == 2) request.Refuse(KvError.DiskFull, Outcome.None);
            else request.Reply(FrameType.GetReply, output => GetReply.Encode(output, results.ToArray()));
        });
        await using var client = await Connect(nodes);
        var keys = Enumerable.Range(0, 50).Select(i => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes($"key-{i}")).ToArray();
        var read = await client.GetManyAsync(keys, ReadOptions.Quorum);
        for (var i = 0; i < keys.Length; i++)
        {
            if (KeyPartition.Of(keys[i].Span, Partitions) % 3 == 1) read[i].Error.ShouldBe(KvError.DiskFull);
            else read[i].Value.ToArray().ShouldBe(keys[i].ToArray());
        }

        await Stop(nodes);
    }

    [Test]
    public async Task A_value_that_no_longer_fitted_into_the_reply_is_asked_for_alone()
    {
        var nodes = StubNode.Cluster(3, Partitions, (node, request) =>
        {
            var view = GetRequestView.Decode(request.Body);
            if (view.Count == 1) request.Found("alone"u8.ToArray(), node.Node);
            else request.Reply(FrameType.GetReply, output => GetReply.Encode(output, [new ReadResult { Found = true, Value = "first"u8.ToArray() }, new ReadResult { Found = false, Error = KvError.TooLarge }]));
        });
        await using var client = await Connect(nodes);
        var read = await client.GetManyAsync(["{a}1"u8.ToArray(), "{a}2"u8.ToArray()]);
        read.Select(result => Encoding.UTF8.GetString(result.Value.Span)).ShouldBe(["first", "alone"]);
        await Stop(nodes);
    }

    [Test]
    public async Task A_node_that_refuses_the_handshake_because_it_is_stopping_is_passed_over()
    {
        var nodes = StubNode.Cluster(3, Partitions, (node, request) => request.Applied(node.Node));
        nodes[1].RefuseHandshake = KvError.ShuttingDown;
        await using var client = await Connect(nodes);
        for (var i = 0; i < 20; i++) (await client.PutAsync(Encoding.UTF8.GetBytes($"key-{i}"), default)).Primary.ShouldNotBe((ushort)2);
        await Stop(nodes);
    }

    [Test]
    public async Task An_answer_from_a_node_that_is_no_replica_shows_that_the_topology_is_old()
    {
        var nodes = StubNode.Cluster(4, Partitions, (_, request) => request.Found([1], 4));
        foreach (var node in nodes) node.Topology = StubNode.TopologyOf(nodes[..3], Partitions);
        await using var client = await Connect(nodes[..3]);
        foreach (var node in nodes) node.Topology = StubNode.TopologyOf(nodes, Partitions, version: 2);
        await client.GetAsync("k"u8.ToArray());
        await Wait.Until(() => client.KnownTopology!.Version == 2, "the new topology is known");
        await Stop(nodes);
    }

    [Test]
    public async Task Pages_of_a_scan_follow_the_cursor()
    {
        var nodes = StubNode.Cluster(3, Partitions, (_, request) =>
        {
            var scan = ScanRequest.Decode(request.Body);
            var page = scan.Cursor.IsEmpty ? 0 : scan.Cursor.Span[0];
            request.Reply(FrameType.ScanReply, output => ScanReply.Encode(output, new ScanPage
            {
                Records = [new ScanRecord(new[] { (byte)(page + 1) }, default, default, null)],
                More = page < 3,
                Cursor = page < 3 ? new[] { (byte)(page + 1) } : default,
            }));
        });
        await using var client = await Connect(nodes);
        var keys = new List<byte>();
        await foreach (var page in client.ScanAsync(new ScanRequest())) keys.Add(page.Records[0].Key.Span[0]);
        keys.ShouldBe([1, 2, 3, 4]);
        await Stop(nodes);
    }

    [Test]
    public async Task Before_there_is_a_cluster_a_client_connects_and_can_ask_for_one()
    {
        await using var node = new StubNode(0, request =>
        {
            if (request.Type == FrameType.Init) request.Reply(FrameType.InitReply, new InitReply { State = InitState.Committed, ClusterId = 9, Partitions = 256 }.Encode);
            else if (request.Type == FrameType.Status) request.Reply(FrameType.StatusReply, new StatusReply { State = NodeState.NotInitialized }.Encode);
            else request.Refuse(KvError.NotInitialized, request.Type == FrameType.Write ? Outcome.NotApplied : Outcome.None, retryable: false);
        });
        await using var client = await Connect([node]);
        client.KnownTopology.ShouldBeNull();
        (await Failure(client.PutAsync("k"u8.ToArray(), default))).Code.ShouldBe(KvError.NotInitialized);
        (await client.StatusAsync(node.Address)).State.ShouldBe(NodeState.NotInitialized);
        (await client.InitAsync(new InitRequest { ClusterId = 9, Members = ["a:1", "b:2", "c:3"] })).State.ShouldBe(InitState.Committed);
    }

    [TestCase(KvError.WrongCluster)]
    [TestCase(KvError.UnsupportedVersion)]
    public async Task A_refused_handshake_is_reported_as_what_it_is(KvError code)
    {
        await using var node = new StubNode(1, _ => { }) { RefuseHandshake = code };
        (await Should.ThrowAsync<KvException>(Connect([node], options => options with { ClusterId = 5, Name = "test" }))).Code.ShouldBe(code);
        node.LastHello!.ClusterId.ShouldBe((UInt128)5);
        node.LastHello.Name.ShouldBe("test");
    }

    [Test]
    public async Task A_silent_connection_is_pinged_and_given_up()
    {
        var nodes = StubNode.Cluster(3, Partitions, (node, request) => request.Applied(node.Node));
        await using var client = await Connect(nodes[..1], options => options with { CoordinatorOnly = true, PingInterval = TimeSpan.FromMilliseconds(90) });
        nodes[0].Handler = _ => { };
        nodes[0].Mute = true;
        var failure = await Failure(client.PutAsync("k"u8.ToArray(), default));
        (failure.Code, failure.Outcome).ShouldBe((KvError.ConnectionLost, Outcome.Unknown));
        failure.Message.ShouldContain("Ping");
        await Stop(nodes);
    }

    [Test]
    public async Task A_node_that_has_gone_silent_is_passed_by_while_its_connection_is_open()
    {
        var nodes = StubNode.Cluster(3, Partitions, (node, request) => request.Applied(node.Node));
        await using var client = await Connect(nodes, options => options with { Timeout = TimeSpan.FromSeconds(30) });
        var key = Enumerable.Range(0, 100).Select(i => Encoding.UTF8.GetBytes($"key-{i}")).First(k => KeyPartition.Of(k, Partitions) % 3 == 1);
        (await client.PutAsync(key, default)).Primary.ShouldBe(nodes[1].Node);
        (nodes[1].Handler, nodes[1].Mute) = (_ => { }, true);
        var lost = client.PutAsync(key, default).AsTask();
        await Wait.Until(() => client.PutAsync(key, default, new WriteOptions(Timeout: TimeSpan.FromMilliseconds(50))).AsTask().ContinueWith(put => put.IsCompletedSuccessfully).Result, "another node is asked");
        lost.IsCompleted.ShouldBeFalse("the connection is as it was");
        await Stop(nodes);
    }

    [Test]
    public async Task An_answered_Ping_keeps_an_idle_connection()
    {
        var nodes = StubNode.Cluster(3, Partitions, (node, request) => request.Applied(node.Node));
        await using var client = await Connect(nodes[..1], options => options with { CoordinatorOnly = true, PingInterval = TimeSpan.FromMilliseconds(30) });
        await Wait.Until(() => nodes[0].Pings >= 4, "four Pings came");
        await client.PutAsync("k"u8.ToArray(), default);
        nodes[0].Connections.ShouldBe(1);
        await Stop(nodes);
    }

    [TestCase("nohost")]
    [TestCase("host:0")]
    [TestCase("host:70000")]
    [TestCase("::1:7400")]
    [TestCase(":7400")]
    public async Task An_endpoint_that_is_none_is_refused(string endpoint) =>
        (await Should.ThrowAsync<KvException>(KvClient.ConnectAsync(new KvClientOptions { Endpoints = [endpoint] }))).Code.ShouldBe(KvError.InvalidRequest);

    [Test]
    public async Task Replies_in_any_order_find_their_requests()
    {
        var waiting = new ConcurrentQueue<StubRequest>();
        var nodes = StubNode.Cluster(3, Partitions, (node, request) =>
        {
            waiting.Enqueue(request);
            if (waiting.Count % 50 != 0) return;
            foreach (var one in waiting.Reverse()) one.Found(GetRequestView.Decode(one.Body).First.Key.ToArray(), node.Node);
            waiting.Clear();
        });
        await using var client = await Connect(nodes, options => options with { CoordinatorOnly = true });
        var keys = Enumerable.Range(0, 50).Select(i => Encoding.UTF8.GetBytes($"key-{i}")).ToArray();
        var reads = keys.Select(key => client.GetAsync(key).AsTask()).ToArray();
        var results = await Task.WhenAll(reads);
        for (var i = 0; i < keys.Length; i++) results[i].Value.ToArray().ShouldBe(keys[i]);
        await Stop(nodes);
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task Many_callers_share_few_connections(bool inline)
    {
        var nodes = StubNode.Cluster(3, Partitions, (node, request) =>
        {
            if (request.Type == FrameType.Write) request.Applied(node.Node);
            else request.Found(GetRequestView.Decode(request.Body).First.Key.ToArray(), node.Node);
        });
        await using (var client = await Connect(nodes, options => options with { InlineCompletions = inline }))
        {
            await Task.WhenAll(Enumerable.Range(0, 64).Select(worker => Task.Run(async () =>
            {
                for (var i = 0; i < 50; i++)
                {
                    var key = Encoding.UTF8.GetBytes($"key-{worker}-{i}");
                    if (i % 2 == 0) (await client.PutAsync(key, new byte[i * 40])).Outcome.ShouldBe(Outcome.Applied);
                    else (await client.GetAsync(key)).Value.ToArray().ShouldBe(key);
                }
            })));
        }

        nodes.Sum(node => node.Requests.Count).ShouldBe(64 * 50);
        nodes.ShouldAllBe(node => node.Connections <= 1);
        await Stop(nodes);
    }

    [Test]
    public async Task Requests_beyond_the_window_wait_and_a_late_one_is_not_applied()
    {
        var nodes = StubNode.Cluster(3, Partitions, (_, _) => { });
        await using var client = await Connect(nodes, options => options with { CoordinatorOnly = true });
        var held = Enumerable.Range(0, Limits.PendingRequests).Select(i => client.PutAsync(BitConverter.GetBytes(i), default).AsTask()).ToArray();
        await Wait.Until(() => nodes[0].Requests.Count == Limits.PendingRequests, "the window is full");
        var failure = await Failure(client.PutAsync("late"u8.ToArray(), default, new WriteOptions(Timeout: TimeSpan.FromMilliseconds(100))));
        (failure.Code, failure.Outcome).ShouldBe((KvError.DeadlineExceeded, Outcome.NotApplied));
        foreach (var request in nodes[0].Requests) request.Applied(1);
        await Task.WhenAll(held);
        nodes[0].Requests.Count.ShouldBe(Limits.PendingRequests);
        await Stop(nodes);
    }
}

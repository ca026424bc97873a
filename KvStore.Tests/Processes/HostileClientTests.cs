using System.Buffers.Binary;
using KvStore.Protocol.Client;
using KvStore.Protocol.Messages;
using KvStore.Protocol.Wire;
using NUnit.Framework;
using Shouldly;

namespace KvStore.Tests.Processes;

/// <summary>What others do on the data port costs them their connection; the 16 clients that behave, and the nodes, do not notice.</summary>
[TestFixture]
[NonParallelizable]
internal sealed class HostileClientTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private KvdCluster _cluster = null!;
    private SteadyLoad _load = null!;

    private KvdProcess Victim => _cluster.Nodes[0];

    [OneTimeSetUp]
    public void StartCluster() => _cluster = new KvdCluster(KvdCluster.PatientNodes);

    [OneTimeTearDown]
    public void StopCluster() => _cluster.Dispose();

    [SetUp]
    public async Task StartLoad()
    {
        _load = await SteadyLoad.StartAsync(_cluster);
        _load.Advance(500);
    }

    [TearDown]
    public async Task TheLoadGoesOnWithoutErrors()
    {
        try
        {
            _cluster.Nodes.ShouldAllBe(n => n.IsRunning);
            _load.Advance(500);
        }
        finally
        {
            await _load.DisposeAsync();
        }
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task Garbage_ends_the_connection(bool greeted)
    {
        const int connections = 100;
        var random = new Random(20261122);
        for (var i = 0; i < connections; i++)
        {
            using var connection = greeted ? await RawConnection.GreetAsync(Victim) : await RawConnection.OpenAsync(Victim);
            var garbage = HostileClients.Garbage(random);
            await connection.TrySendAsync(garbage);
            (await connection.IsClosedWithinAsync(Patience)).ShouldBeTrue($"connection {i}, {garbage.Length} bytes");
        }
    }

    [Test]
    public async Task Lengths_beyond_the_limit_are_refused_before_anything_is_awaited(
        [Values(false, true)] bool greeted, [Values(Limits.FrameBytes + 1u, 1u << 31, uint.MaxValue, 0u)] uint length)
    {
        using var connection = greeted ? await RawConnection.GreetAsync(Victim) : await RawConnection.OpenAsync(Victim);
        var head = new byte[Frame.HeaderSize];
        BinaryPrimitives.WriteUInt32LittleEndian(head, length);
        await connection.TrySendAsync(head);
        (await connection.IsClosedWithinAsync(Patience)).ShouldBeTrue();
    }

    [Test]
    public async Task A_promised_large_frame_costs_no_memory_until_it_comes()
    {
        const int connections = 100;
        var before = Victim.ResidentBytes;
        var opened = new List<RawConnection>();
        var head = new byte[Frame.HeaderSize];
        BinaryPrimitives.WriteUInt32LittleEndian(head, Limits.FrameBytes);
        for (var i = 0; i < connections; i++)
        {
            opened.Add(await RawConnection.GreetAsync(Victim));
            await opened[^1].TrySendAsync(head);
        }

        _load.Advance(500);
        var grown = Victim.ResidentBytes - before;
        opened.ForEach(c => c.Dispose());
        await TestContext.Out.WriteLineAsync($"{connections} promises of {Limits.FrameBytes >> 20} MiB: {grown >> 10} KiB more");
        grown.ShouldBeLessThan(100L << 20);
    }

    [Test]
    public async Task A_hello_that_comes_one_byte_a_second_is_not_waited_for()
    {
        using var connection = await RawConnection.OpenAsync(Victim);
        var closed = connection.IsClosedWithinAsync(Patience);
        await HostileClients.SendOneByteASecondAsync(connection, RawConnection.HelloFrame(), CancellationToken.None);
        (await closed).ShouldBeTrue();
    }

    [Test]
    public async Task A_request_that_comes_one_byte_a_second_disturbs_nobody()
    {
        using var connection = await RawConnection.GreetAsync(Victim);
        var get = RawConnection.FrameOf(FrameType.Get, 1, output => GetRequest.Encode(output, ReadConsistency.Quorum, "load1"u8));
        using var second = new PeriodicTimer(TimeSpan.FromSeconds(1));
        for (var i = 0; i < 5; i++)
        {
            (await connection.TrySendAsync(get.AsMemory(i, 1))).ShouldBeTrue();
            await second.WaitForNextTickAsync();
            _load.ShouldHaveNoErrors();
        }
    }

    [Test]
    public async Task Clients_that_never_read_their_answers_are_not_served_beyond_a_bound()
    {
        const int clients = 4;
        const int valueBytes = 256 << 10;
        await using (var client = await KvClient.ConnectAsync(new KvClientOptions { Endpoints = [Victim.Endpoint] }))
        {
            var value = new byte[valueBytes];
            new Random(1).NextBytes(value);
            await client.PutAsync("large"u8.ToArray(), value, WriteOptions.Strong);
        }

        var before = Victim.ResidentBytes;
        var deaf = new List<RawConnection>();
        using var enough = new CancellationTokenSource();
        var senders = new List<Task<long>>();
        for (var i = 0; i < clients; i++)
        {
            deaf.Add(await RawConnection.GreetAsync(Victim, 4096));
            senders.Add(HostileClients.AskAndNeverReadAsync(deaf[^1], "large"u8.ToArray(), enough.Token));
        }

        var most = 0L;
        for (var i = 0; i < 20; i++)
        {
            _load.Advance(200);
            most = Math.Max(most, Victim.ResidentBytes - before);
        }

        await enough.CancelAsync();
        var asked = await Task.WhenAll(senders);
        deaf.ForEach(c => c.Dispose());
        await TestContext.Out.WriteLineAsync($"{clients} deaf clients sent {asked.Sum()} requests for {valueBytes >> 10} KiB: at most {most >> 20} MiB more");

        // 64 MiB that wait; the queue's array grows by doubling, and what it hands over is copied once.
        most.ShouldBeLessThan(clients * 4 * 64L << 20);
    }

    [Test]
    public async Task Two_thousand_idle_connections_cost_little()
    {
        const int connections = 2_000;
        var before = Victim.ResidentBytes;
        var idle = new List<RawConnection>();
        for (var i = 0; i < connections; i++) idle.Add(await RawConnection.GreetAsync(Victim));
        _load.Advance(2_000);
        var grown = Victim.ResidentBytes - before;
        idle.ForEach(c => c.Dispose());
        await TestContext.Out.WriteLineAsync($"{connections} idle connections: {grown >> 20} MiB more, {grown / connections / 1024.0:0.0} KiB each");
        grown.ShouldBeLessThan(connections * (64L << 10));
    }
}
